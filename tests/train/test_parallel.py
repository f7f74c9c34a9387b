"""Several processes that train together: gradients are averaged, numbers summed, one process needs no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from agentmm.train.parallel import average_gradients, processes, rank, summed

EACH = """
import sys, torch
from agentmm.train.parallel import average_gradients, join, leave, processes, rank, summed
join("cpu")
shared, lonely = torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(3))
shared.grad = torch.full((2, 2), 1.0 + 2 * rank())
if rank() == 0:
    lonely.grad = torch.full((3,), 4.0)
average_gradients([shared, lonely])
said = [rank(), processes(), shared.grad.flatten().tolist(), lonely.grad.tolist(), summed(5.0, rank())]
open(f"{sys.argv[1]}/{rank()}", "w").write(repr(said))
leave()
"""


def test_two_processes_average_gradients_and_sum_numbers(tmp_path: Path):
    script = tmp_path / "each.py"
    script.write_text(EACH)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(script), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    for number in (0, 1):  # gradients 1 and 3 average to 2; 4 and none to 2; 5 + 5 and 0 + 1
        assert (tmp_path / str(number)).read_text() == repr([number, 2, [2.0] * 4, [2.0] * 3, [10.0, 1.0]])


def test_one_process_keeps_its_gradients():
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    average_gradients([parameter])
    assert (rank(), processes(), summed(3.0), parameter.grad.tolist()) == (0, 1, [3.0], [1.0, 2.0])
