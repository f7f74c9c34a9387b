"""Lanes: parts of a pass side by side, each on one thread from its beginning to its end.

Threads that share every multiplication meet some forty times a pass, and where another program or Python itself holds a
core, each time they wait for it. Lanes meet once. It knows no model: what a part is, and what is done with it, is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from threading import Barrier
from typing import Any, TypeVar

import torch

P = TypeVar("P")
R = TypeVar("R")

NAME = "agentmm-lane"
"""How the names of the lanes' threads begin."""


def shares(sizes: Sequence[int], most: int, least: float) -> list[slice]:
    """Cut a row of things into parts of neighbours, as even as their sizes allow.

    `[5, 1, 1, 5]` in two -> the first two and the last two.

    Args:
        sizes: of the things, each 1 or more.
        most: most parts.
        least: least size of a part on average; there are fewer parts where it would be less.
    """
    ends = list(accumulate(sizes, initial=0))
    parts = max(1, min(most, len(sizes), int(ends[-1] // max(1, least))))
    cuts = [_nearest(ends, ends[-1] * part / parts) for part in range(parts)]
    return [slice(begin, end) for begin, end in pairwise(sorted({*cuts, len(sizes)}))]


def _nearest(ends: Sequence[int], wanted: float) -> int:
    """How many things come nearest to a size together."""
    return min(range(len(ends)), key=lambda count: abs(ends[count] - wanted))


def in_lanes(work: Callable[[P], list[R]], parts: Sequence[P]) -> list[R]:
    """What `work` gives for each part, one list after the other; parts go side by side.

    A lane has one torch thread, and gradients and inference mode are as the caller has them.

    Raises:
        Exception: what the first part that failed raised, once every part is over.
    """
    if len(parts) == 1:
        return work(parts[0])
    inside = partial(_within, torch.is_inference_mode_enabled(), torch.is_grad_enabled(), work)
    with threads(1):  # MKL's number is that of the process
        pool = _pool(len(parts), os.getpid())
        futures = [pool.submit(inside, part) for part in parts]
        wait(futures)
    return [made for future in futures for made in future.result()]


@contextmanager
def threads(most: int) -> Iterator[None]:
    """No more torch threads than that meanwhile."""
    before = torch.get_num_threads()
    if before > most:
        torch.set_num_threads(most)
    try:
        yield
    finally:
        if before > most:
            torch.set_num_threads(before)


def _within(inference: bool, gradients: bool, work: Callable[[Any], Any], part: Any) -> Any:
    """Some work under the caller's modes, which belong to a thread."""
    with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
        return work(part)


@lru_cache(maxsize=8)
def _pool(lanes: int, process: int) -> ThreadPoolExecutor:
    """The lanes of a process; one that was forked has none of its parent's threads."""
    pool = ThreadPoolExecutor(lanes, NAME, initializer=torch.set_num_threads, initargs=(1,))
    meeting = Barrier(lanes)  # so that each thread begins now
    wait([pool.submit(meeting.wait) for _ in range(lanes)])
    return pool
