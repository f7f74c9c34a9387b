"""Processes found again by a mark in their environment, which every process they start inherits."""

import os
import time
from pathlib import Path

NAME = "AGENTMM_TEST_MARK"


def marked(mark):
    """Ids of the living processes that were started with a mark."""
    wanted, found = f"{NAME}={mark}".encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.append(int(pid))
    return found


def left_of(mark, but=None, seconds=2.0):
    """Those, but for one, that are still there after so long; an empty list as soon as all are gone."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in marked(mark) if pid != but]) and time.monotonic() < until:
        time.sleep(0.05)
    return left
