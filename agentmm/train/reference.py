"""The reference's log-probs: computed once, kept per token by content, under the weights they came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agentmm.train.pairs import Batch, LoadImage, Row, batch_logps, by_length, make_batch


def reference_logps(
    rows: Sequence[Row],
    model: Any,
    load: LoadImage | None,
    cache: Path | None = None,
    *,
    micro: int = 8,
    precision: str = "fp32",
) -> dict[str, Tensor]:
    """Per-token log-probs of every side under the model as it is now, by the side's content.

    Kept in `cache` under the hash of the weights, token ids and image hashes: another model does not find them.
    """
    identity = f"{weights_identity(model)}-{precision}"
    known = _read_cache(cache, identity)
    model.eval()
    ordered = by_length(rows)
    for start in range(0, len(ordered), micro):
        batch = make_batch(ordered[start : start + micro], model, load)
        if all(key in known for key in batch.keys):
            continue
        with torch.no_grad():
            logps = batch_logps(model, batch, precision).cpu()
        lengths = batch.attention.sum(1).tolist()
        known |= {key: logps[i, : lengths[i]].clone() for i, key in enumerate(batch.keys)}
    if cache is not None:
        _write_cache(cache, identity, known)
    return known


def weights_identity(model: Any) -> str:
    """A short hash of a model's parameters."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def padded(batch: Batch, known: dict[str, Tensor]) -> Tensor:
    """[2B, T] reference log-probs of a batch."""
    out = torch.zeros(batch.ids.shape)
    for index, key in enumerate(batch.keys):
        out[index, : len(known[key])] = known[key]
    return out.to(batch.ids.device)


def _read_cache(path: Path | None, identity: str) -> dict[str, Tensor]:
    if path is None or not path.is_file():
        return {}
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get("weights") != identity:
            return {}
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict


def _write_cache(path: Path, identity: str, known: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")  # a kill leaves no torn file for the next training
    save_file(known, draft, metadata={"weights": identity})
    os.replace(draft, path)
