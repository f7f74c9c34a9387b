"""Gold runs: every question's program carried out by the scripted planner, in as many processes as there are cores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from agentmm.agent.agent import DEFAULT_TOOLS
from agentmm.collect.processes import BATCH_EVENTS, collect
from agentmm.collect.runner import Runner, Score
from agentmm.registry import load_tools
from agentmm.tool.cache import ResultCache
from agentmm.trace import TraceStore
from agentmm.trace.parts import absorb_parts, collecting
from agentmm.world.sample import Question


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
    with collecting(out), closing(TraceStore(out, batch=BATCH_EVENTS)) as store:
        absorb_parts(store, out)
        done = {said["id"] for said in store.labelled("question").values()}
        todo = [question for question in questions if question.id not in done]
        job = {"tools": list(tools), "graph": graph, "home": home, "cache": cache, "score": score}
        return collect(todo, store, out, make, job, workers, question=lambda asked: asked, quiet=quiet)


def make(questions: Iterable[Question], store: TraceStore, *, cache: Any, tools: Sequence[str], **options: Any) -> Any:
    """Make gold runs in this process, one after another; yields their traces."""
    loaded = load_tools(tools)
    score = options.pop("score") or world_score
    runner = Runner(store, _cached(loaded, cache), score=score, **options)
    for question in questions:
        trace = runner.run(question, source="gold")
        store.flush(trace.id)
        yield trace


def world_score(question: Question, answer: str) -> bool:
    """Whether an answer to a world question is right, by the scorer of every suite."""
    from agentmm.world.score import is_right

    return is_right(answer, question.accepted, question.kind, question.others)


def _cached(tools: list[Any], folder: Path | str | None) -> list[Any]:
    """The tools, looking results up by picture and arguments."""
    if folder is None:
        return tools
    return ResultCache(folder).wrap(tools)
