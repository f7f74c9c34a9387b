"""A foreign model's weights off the disk, whole or not at all; what its library says of them comes in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

from agentmm.errors import PlannerError

_ADVICE = re.compile(r" If you were trying to load it from| In PyTorch 2\.6| You can inspect the repository")


_NO_ADAPTER = {"subfolder": "no-adapter"}
"""Where the library is to look for an adapter beside the weights: with one it tells of the adapter's tensors alone."""


def load_weights(maker: Any, place: str, config: Any, source: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The model of a configuration with its weights, without an adapter that lies beside them.

    Args:
        maker: the library's maker of such models.
        place: a folder, or a name on the hub.
        config: its configuration.
        source: further arguments of the library.

    Returns:
        The model, and the names of tensors in its files that it has no place for.

    Raises:
        PlannerError: they cannot be read, lack a tensor, or have one of another shape: the library would fill it with
            random numbers.
    """
    mend = f"hf download {place}"
    if Path(place).is_dir():
        mend = "save or copy them again: model.save_pretrained(FOLDER)"
    given = {**source, "config": config, "output_loading_info": True, "ignore_mismatched_sizes": True}
    given["adapter_kwargs"] = dict(_NO_ADAPTER)
    try:
        model, told = maker.from_pretrained(place, **given)
    except Exception as error:  # cut off, no such file, too large
        line = f"the model's weights cannot be loaded: {first_line(error)}"
        raise PlannerError(line, got=place, mend=mend) from error
    if told["mismatched_keys"]:
        name, saved, own = min((str(name), *map(list, shapes)) for name, *shapes in told["mismatched_keys"])
        line = f"the model's weights are of another shape than its config.json says: {name} {saved}"
        raise PlannerError(line, got=place, expected=str(own), mend=mend)
    missing = sorted(told["missing_keys"])
    if missing:
        lack = "1 tensor is missing," if len(missing) == 1 else f"{len(missing)} tensors are missing, the first"
        line = f"the model's weights are incomplete: {lack} {missing[0]}"
        raise PlannerError(line, got=place, mend=mend)
    return model, tuple(sorted(map(str, told["unexpected_keys"])))


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the library's warnings away while it loads, where nobody asked for more than its usual ones."""
    from transformers.utils.logging import get_verbosity, set_verbosity

    usual = get_verbosity()
    if usual == logging.WARNING:
        set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        set_verbosity(usual)


def first_line(error: Exception) -> str:
    """What an error says first; the library's advice about its hub, and to trust files, is left out."""
    lines = [line for line in map(str.strip, _ADVICE.split(str(error))[0].splitlines()) if line]
    more = 2 if lines and lines[0].endswith(":") else 1
    said = " ".join(lines[:more]) or type(error).__name__
    return shorten(said.rstrip("."), 240, placeholder=" ...")
