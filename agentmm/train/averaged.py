"""Mean of several trainings' weights: what further training learnt, with most of what it would have forgotten.

`python -m agentmm.train.averaged FOLDER=0.35 FOLDER=0.3 FOLDER=0.35 --out FOLDER`. Source: weights of one model before
and after further training, averaged (arXiv 2109.01903, equation 1), and of several trainings (arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from agentmm.errors import AgentmmError, TrainError, UsageError
from agentmm.media.opening import file_sha
from agentmm.train.manifest import write_manifest

WEIGHTS, MANIFEST = "model.safetensors", "manifest.json"


def average(shares: Mapping[Path, float], out: Path) -> Path:
    """Write the mean of exported weights, each with its share; all else, the manifest too, is the last folder's.

    Args:
        shares: folder of exported weights -> its share; they sum to 1.
        out: a new folder.

    Returns:
        The new folder.

    Raises:
        UsageError: the shares do not sum to 1, a folder has no weights, or `out` is there already.
        TrainError: the weights are of different models, or cannot be read.
    """
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        raise UsageError("the shares of averaged weights must sum to 1", got=f"{sum(shares.values()):g}")
    if out.exists():
        raise UsageError("averaged weights go to a new folder", got=str(out), mend="another --out")
    parts = {folder: _weights(folder) for folder in shares}
    last = list(shares)[-1]
    shapes = {folder: {name: tensor.shape for name, tensor in part.items()} for folder, part in parts.items()}
    for folder, found in shapes.items():
        if found != shapes[last]:
            raise TrainError(
                "weights of different models have no mean", got=str(folder), expected=f"the tensors of {last}"
            )
    mean = {}
    for name, tensor in parts[last].items():
        whole = torch.zeros_like(tensor, dtype=torch.float64)
        for folder, share in shares.items():
            whole += share * parts[folder][name].double()
        mean[name] = whole.to(tensor.dtype)
    shutil.copytree(last, out)
    save_file({name: tensor.contiguous() for name, tensor in mean.items()}, out / WEIGHTS, {"format": "pt"})
    if (last / MANIFEST).is_file():
        facts = json.loads((last / MANIFEST).read_text(encoding="utf-8"))
        facts.setdefault("recipe", {})["averaged"] = [
            {"sha256": file_sha(folder / WEIGHTS), "share": share} for folder, share in shares.items()
        ]
        write_manifest(out, {key: value for key, value in facts.items() if key not in ("versions", "files")})
    return out


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    if not (folder / WEIGHTS).is_file():
        raise UsageError("no exported weights here", got=str(folder), expected=f"a folder with {WEIGHTS}")
    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise TrainError(f"the weights cannot be read: {error}", got=str(folder), mend="export them again") from error


def _share(text: str) -> tuple[Path, float]:
    """`FOLDER=0.35` -> the folder and its share."""
    folder, _, share = text.rpartition("=")
    try:
        return Path(folder), float(share)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected FOLDER=SHARE, got {text!r}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, average, say where the weights are; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agentmm.train.averaged", description=__doc__)
    parser.add_argument("shares", nargs="+", type=_share, metavar="FOLDER=SHARE")
    parser.add_argument("--out", type=Path, required=True)
    options: Any = parser.parse_args(arguments)
    try:
        named = [folder for folder, _ in options.shares]
        twice = [str(folder) for folder in named if named.count(folder) > 1]
        if twice:
            raise UsageError("a folder of averaged weights stands there twice", got=twice[0])
        out = average(dict(options.shares), options.out)
    except AgentmmError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stderr.write(f"weights -> {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
