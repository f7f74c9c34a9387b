"""Collecting in several processes: each writes a store of its own, which the collection's store then takes over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentmm.errors import AgentmmError, TraceError
from agentmm.trace import TraceStore
from agentmm.trace.parts import absorb_parts, part_of
from agentmm.world.sample import Question

BATCH_EVENTS = 4096
"""Most events kept in memory: a run is written when it is finished, whole, so that a kill leaves no half ones."""

Make = Callable[..., Iterable[Any]]
"""(items, store, **job) -> something for each run made; importable by name."""


def collect(todo: list[Any], store: TraceStore, out: Path, make: Make, job: dict[str, Any], workers: int, *,
            question: Callable[[Any], Question], quiet: bool) -> int:  # fmt: skip
    """Make the runs of `todo` in this process, or in several.

    Args:
        todo: what `make` is given; one item a run.
        store: where the traces go.
        out: its file; the processes' own stores lie beside it.
        make: makes runs.
        job: further arguments of `make`.
        workers: processes; 1 stays in this one.
        question: the question of an item; those that share their media go to one process.
        quiet: print no progress on stderr.

    Returns:
        How many runs were made.

    Raises:
        AgentmmError: what ended a process that knows why, in this one.
        TraceError: a process ended early without a word.
        KeyboardInterrupt: as it came. Whatever ends it, finished runs of all are in the store.
    """
    progress = Progress(len(todo), quiet)
    if workers <= 1 or len(todo) < 8:
        for _ in make(todo, store, **job):
            progress.step()
        store.flush()
    else:
        try:
            _in_processes(shares(todo, workers, question), out, make, job, progress)
        finally:  # whatever ended it, Ctrl-C too: what is finished is in the store
            absorb_parts(store, out)
    progress.end()
    if progress.done < len(todo):
        got = f"{progress.done} of {len(todo)} runs"
        raise TraceError("a collecting process ended early", got=got, mend="run it again to go on")
    return len(todo)


def _in_processes(parts: list[list[Any]], out: Path, make: Make, job: dict[str, Any], progress: Progress) -> None:
    """One process a part, each with its own store."""
    context = multiprocessing.get_context("spawn")
    ticks = context.SimpleQueue()
    processes = [
        context.Process(target=_work, args=(make, part, part_of(out, index), job, ticks), daemon=True)
        for index, part in enumerate(parts)
    ]
    try:
        for process in processes:
            with _deaf():
                process.start()
        _watch(processes, ticks, progress)
    finally:
        begun = [process for process in processes if process.ident is not None]
        for process in begun:
            process.terminate()
        for process in begun:
            process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """Begin a process that hears no Ctrl-C, not even while it imports: a terminal sends it to all, this one ends them.

    The signal is held back here meanwhile, and comes at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(processes: Sequence[Any], ticks: Any, progress: Progress) -> None:
    """Count finished runs until every process is over.

    Raises:
        AgentmmError: what one of them raised.
    """
    while any(process.is_alive() for process in processes) or not ticks.empty():
        if ticks.empty():
            time.sleep(0.05)
            continue
        raised = ticks.get()
        if raised is not None:
            raise raised
        progress.step()


def _work(make: Make, items: list[Any], part: Path, job: dict[str, Any], ticks: Any) -> None:
    """One process: its own store, one thread for every library (processes are the parallelism)."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    store = TraceStore(part, batch=BATCH_EVENTS)
    try:
        for _ in make(items, store, **job):
            ticks.put(None)
    except AgentmmError as error:  # one line, told by the process that everybody reads
        ticks.put(error)
    finally:
        store.close()


def _end_with_parent() -> None:
    """End with the process that began this one, kill -9 included: the next collection takes over what was written."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def shares(todo: Sequence[Any], workers: int, question: Callable[[Any], Question]) -> list[list[Any]]:
    """Deal groups of items whose questions share their media in turn."""
    groups: dict[Any, list[Any]] = {}
    for item in todo:
        asked = question(item)
        groups.setdefault(asked.media or asked.id, []).append(item)
    dealt: list[list[Any]] = [[] for _ in range(workers)]
    for index, group in enumerate(groups.values()):
        dealt[index % workers].extend(group)
    return dealt


class Progress:
    """Plain lines on stderr: how many, how fast, how long still."""

    def __init__(self, total: int, quiet: bool = False, every_s: float = 5.0) -> None:
        self.total, self.quiet, self.every_s, self.done = total, quiet, every_s, 0
        self.began = self.said = time.monotonic()

    def step(self) -> None:
        """One more run is done."""
        self.done += 1
        if time.monotonic() - self.said >= self.every_s:
            self._say()

    def end(self) -> None:
        """All are done."""
        self._say()

    def _say(self) -> None:
        self.said = time.monotonic()
        rate = self.done / max(1e-9, self.said - self.began)
        left = (self.total - self.done) / rate if rate else 0.0
        if not self.quiet:
            line = f"collect: {self.done}/{self.total} runs, {rate:.1f}/s, {left:.0f} s left"
            print(line, file=sys.stderr)  # noqa: T201  # progress of a command
