"""Joins a Ray cluster, or starts one on this machine."""

from __future__ import annotations

import importlib
import math
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentmm.errors import ConfigError, MissingExtra, UsageError

_PATIENCE_S = 5.0
_STORE_BYTES = 512 * 2**20
_SKIPPED = (
    "^A worker died or was killed|cannot be scheduled right now"  # Ray prints these on stdout; the fleet tells them
)


def load_ray() -> Any:
    """The module `ray`.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _SKIPPED)
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtra("ray", "scale") from error


def join(ray: Any, address: str | None, cpus: float) -> bool:
    """Connect this process to a cluster, unless it is connected already.

    Args:
        ray: the module.
        address: of the cluster; `$RAY_ADDRESS` where None, and where that is not set either, one is started here.
        cpus: how many workers' cores together a cluster that is started here is to have.

    Returns:
        Whether this call connected it, so that the caller has to let go of it.

    Raises:
        ConfigError: no cluster answers there, or none can be started.
    """
    if ray.is_initialized():
        return False
    address = _where(address)
    own: dict[str, Any] = {}
    if address != "local":
        _knock(address)
    else:
        own = {"num_cpus": max(1, math.ceil(cpus)), "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    except Exception as error:  # Ray raises bare ones, where its parts do not start in time for one
        with suppress(Exception):
            ray.shutdown()
        token = "" if own else "RAY_AUTH_MODE=token if it asks for a token (docs/ray.md), or "
        raise _no_cluster(address, error, token) from error
    if own:
        _close_token()
    return True


def starts_here(address: str | None) -> bool:
    """Whether `join` starts a cluster on this machine for that address, unless it is connected already."""
    return _where(address) == "local"


def _where(address: str | None) -> str:
    return address or os.environ.get("RAY_ADDRESS") or "local"


def _close_token() -> None:
    """Let nobody else on this machine read the token of clusters that are started here; Ray makes it for all to see."""
    with suppress(OSError, RuntimeError):
        (Path.home() / ".ray" / "auth_token").chmod(0o600)


def _knock(address: str) -> None:
    """See that somebody listens at `HOST:PORT`: Ray itself would wait for minutes.

    Raises:
        ConfigError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: BaseException, first: str = "") -> ConfigError:
    """The line of it; `first` is what mends it, before what else may."""
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if address == "local":
        mend = "it again when the machine is less busy, or RAY_ADDRESS of a cluster that runs"
        return ConfigError(f"no Ray cluster can be started on this machine: {said}", mend=mend)
    mend = f"{first}ray start --head there, or no RAY_ADDRESS for one on this machine"
    return ConfigError(f"no Ray cluster answers at {address}: {said}", mend=mend)


def gpus_each(ray: Any, gpus: float | None, workers: int) -> float:
    """GPUs of each worker: as many as were asked for, else one, or an equal part of one where they are too few."""
    if gpus is not None:
        return gpus
    there = int(ray.cluster_resources().get("GPU", 0))
    return 1 / math.ceil(workers / there) if there else 0.0


def check_room(ray: Any, gpus: float, workers: int) -> None:
    """See that all workers find their GPUs on a cluster that can gain none, as one that was started here.

    Args:
        ray: the module, connected.
        gpus: of each worker.
        workers: how many.

    Raises:
        UsageError: they do not; Ray would wait for them for ever.
    """
    there = float(ray.cluster_resources().get("GPU", 0))
    found = workers if not gpus else there // gpus if gpus >= 1 else there * int(1 / gpus + 1e-9)
    if found < workers:
        raise UsageError(
            "the Ray cluster that was started here has too few GPUs for its workers",
            got=f"{workers} x {gpus:g} GPU",
            expected=f"at most {there:g} GPU in all",
            mend="gpus=0, fewer workers, or RAY_ADDRESS of a cluster with more",
        )
