"""Gold runs: every question's program carried out by the scripted planner, in as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agentmm.agent.agent import DEFAULT_TOOLS
from agentmm.collect.runner import Runner, Score
from agentmm.errors import TraceError
from agentmm.registry import load_tools
from agentmm.tool.cache import ResultCache
from agentmm.trace import TraceStore
from agentmm.world.sample import Question

BATCH_EVENTS = 256
"""Events written together; a killed collection loses at most these, and makes them again."""


def collect_gold(
    questions: Iterable[Question],
    out: Path | str,
    *,
    tools: Sequence[str] = DEFAULT_TOOLS,
    graph: str = "react",
    home: Path | str | None = None,
    cache: Path | str | None = None,
    score: Score | None = None,
    workers: int = 2,
    quiet: bool = False,
) -> int:
    """Carry out the gold programs of questions; those that the store already has are passed over.

    Args:
        questions: of the practice world.
        out: the trace store, an SQLite file.
        tools: names of the tools the planner is shown.
        graph: name of the graph.
        home: folder of the media store; the user's own where None.
        cache: folder where tool results are kept by picture and arguments; None for none.
        score: says whether an answer is right; the world's own scorer where None. Must be importable by name.
        workers: processes; 1 stays in this one.
        quiet: print no progress on stderr.

    Returns:
        How many traces were made.

    Raises:
        TraceError: the store cannot be written, or a process ended early.
    """
    out = Path(out)
    store = TraceStore(out, batch=BATCH_EVENTS)
    _absorb_parts(store, out)
    done = {said["id"] for said in store.labelled("question").values()}
    todo = [question for question in questions if question.id not in done]
    job = {"tools": list(tools), "graph": graph, "home": home, "cache": cache, "score": score}
    progress = Progress(len(todo), quiet)
    if workers <= 1 or len(todo) < 8:
        for _ in make(todo, store, **job):
            progress.step()
    else:
        _in_processes(todo, out, workers, job, progress)
        _absorb_parts(store, out)
    store.close()
    progress.end()
    if progress.done < len(todo):
        got = f"{progress.done} of {len(todo)} runs"
        raise TraceError("a collecting process ended early", got=got, mend="run it again to go on")
    return len(todo)


def make(questions: Iterable[Question], store: TraceStore, *, cache: Any, tools: Sequence[str], **options: Any) -> Any:
    """Make gold runs in this process, one after another; yields their traces."""
    loaded = load_tools(tools)
    score = options.pop("score") or world_score
    runner = Runner(store, _cached(loaded, cache), score=score, **options)
    for question in questions:
        yield runner.run(question, source="gold")
    store.flush()


def world_score(question: Question, answer: str) -> bool:
    """Whether an answer to a world question is right, by the scorer of every suite."""
    from agentmm.world.score import is_right

    return is_right(answer, question.accepted, question.kind, question.others)


def _cached(tools: list[Any], folder: Path | str | None) -> list[Any]:
    """The tools, looking results up by picture and arguments."""
    if folder is None:
        return tools
    return ResultCache(folder).wrap(tools)


def _in_processes(todo: list[Question], out: Path, workers: int, job: dict[str, Any], progress: Progress) -> None:
    """Each process writes a store of its own; questions of one picture go to one process."""
    context = multiprocessing.get_context("spawn")
    ticks = context.SimpleQueue()
    parts = [out.with_suffix(f".part{index}.db") for index in range(workers)]
    shares = _shares(todo, workers)
    processes = [
        context.Process(target=_work, args=(share, part, job, ticks), daemon=True)
        for share, part in zip(shares, parts, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        _watch(processes, ticks, progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _watch(processes: Sequence[Any], ticks: Any, progress: Progress) -> None:
    """Count finished runs until every process is over."""
    while any(process.is_alive() for process in processes) or not ticks.empty():
        if ticks.empty():
            time.sleep(0.05)
            continue
        ticks.get()
        progress.step()


def _work(questions: list[Question], part: Path, job: dict[str, Any], ticks: Any) -> None:
    """One process: its own store, one thread for every library (processes are the parallelism)."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    store = TraceStore(part, batch=BATCH_EVENTS)
    for _ in make(questions, store, **job):
        ticks.put(1)
    store.close()


def _shares(todo: list[Question], workers: int) -> list[list[Question]]:
    """Deal groups of questions that share their media in turn."""
    groups: dict[Any, list[Question]] = {}
    for question in todo:
        groups.setdefault(tuple((m.recipe, m.seed) for m in question.media) or question.id, []).append(question)
    shares: list[list[Question]] = [[] for _ in range(workers)]
    for index, group in enumerate(groups.values()):
        shares[index % workers].extend(group)
    return shares


def _absorb_parts(store: TraceStore, out: Path) -> None:
    """Take over what processes have written, also those of a collection that was killed."""
    for part in sorted(out.parent.glob(f"{out.stem}.part*.db")):
        other = TraceStore(part)
        store.absorb(other)
        other.close()
        for path in (part, part.with_name(part.name + "-wal"), part.with_name(part.name + "-shm")):
            path.unlink(missing_ok=True)


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
