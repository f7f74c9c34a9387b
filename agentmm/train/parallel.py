"""Several processes that train one model, started by torchrun: each has rows of its own, gradients are averaged.

On two cores two processes with a thread each do 1.5 times the steps of one process with two threads. Outside torchrun
there is one process, and everything here does nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import torch
from torch import distributed


def join(device: str) -> None:
    """Meet the other processes that torchrun has started, if it has."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")


def leave() -> None:
    """Part from the other processes when all of them have come to the end."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def torchrun(module: str, arguments: Sequence[str], count: int) -> int:
    """Start a module in so many processes on this machine and wait; gives the exit code."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    return subprocess.run([*command, "--module", "--", module, *arguments], env=environment, check=False).returncode


def wait() -> None:
    """Until all processes are here."""
    if processes() > 1:
        distributed.barrier()


def rank() -> int:
    """This process's number, 0 for the only one."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    """How many train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes; a parameter without one counts as zero."""
    if processes() == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
    distributed.all_reduce(flat)
    flat /= processes()
    start = 0
    for parameter in parameters:
        assert parameter.grad is not None
        parameter.grad.copy_(flat[start : start + parameter.numel()].view_as(parameter))
        start += parameter.numel()


def summed(*numbers: float) -> list[float]:
    """The numbers, each summed over the processes."""
    if processes() == 1:
        return list(numbers)
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor(numbers, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.tolist()
