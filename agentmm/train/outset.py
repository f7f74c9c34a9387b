"""What is looked at before a training begins: a device or a folder that will not do is refused at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agentmm.errors import UsageError


def check_device(name: str) -> str:
    """The name itself, where tensors can be put there.

    Raises:
        UsageError: torch knows no such device, or it is not on this machine.
    """
    import torch

    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    expected = ", ".join(["cpu", "cuda", *there[1:]] if len(there) > 1 else there)
    try:
        device = torch.device(name)
        if device.type == "cuda":  # asked without a context on it, which would take memory of every process's GPU
            found = (device.index or 0) < len(there) - 1
        else:
            found = device.type == "cpu" or float(torch.zeros(1, device=device).sum()) == 0.0
    except (
        RuntimeError,
        NotImplementedError,
        AssertionError,
        ImportError,
    ) as error:  # each backend raises its own
        raise UsageError("no such device here", got=name, expected=expected, mend="--device cpu") from error
    if not found:
        raise UsageError("no such device here", got=name, expected=expected, mend="--device cpu")
    return name


def check_folder(path: Path) -> Path:
    """The folder of a training, made where it is not there.

    Raises:
        UsageError: it cannot be made, or nothing can be written there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "--out FOLDER, another one"
        raise UsageError(f"the training's folder cannot be written: {reason}", got=str(path), mend=mend) from error
    return path
