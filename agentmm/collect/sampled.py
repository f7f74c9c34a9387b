"""Samples: a planner asked the same questions several times, with another seed each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from agentmm.agent.agent import DEFAULT_TOOLS
from agentmm.collect.failures import without_planner
from agentmm.collect.gold import world_score
from agentmm.collect.processes import BATCH_EVENTS, collect
from agentmm.collect.runner import Runner, Score
from agentmm.planner import load_planner
from agentmm.registry import load_tools
from agentmm.tool.cache import ResultCache
from agentmm.trace import Trace, TraceStore
from agentmm.trace.parts import absorb_parts, collecting
from agentmm.train.offers import other_names
from agentmm.world.sample import Question


def collect_sampled(
    questions: Iterable[Question],
    out: Path | str,
    planner: Any = "nano",
    *,
    samples: int = 4,
    temperature: float = 0.8,
    tools: Sequence[Any] = DEFAULT_TOOLS,
    graph: Any = "react",
    home: Path | str | None = None,
    cache: Path | str | None = None,
    score: Score | None = None,
    seed: int = 0,
    workers: int = 1,
    at_once: int = 1,
    ray: bool = False,
    quiet: bool = False,
    failed: Callable[[str], None] | None = None,
) -> int:
    """Ask every question `samples` times; runs that the store already has are passed over.

    A run whose planner could not be reached, or raised, is no sample: its trace stays, and the next time it is made
    anew beside it.

    Args:
        questions: of the practice world.
        out: the trace store, an SQLite file.
        planner: a name or a planner; a local one samples at `temperature`, the first sample of a question as well.
        samples: runs a question.
        temperature: of a planner given by name.
        tools: names or tools.
        graph: name of the graph, or what `Agent` takes.
        home: folder of the media store; the user's own where None.
        cache: folder where tool results are kept by picture and arguments; memory alone where None.
        score: says whether an answer is right; the world's own scorer where None.
        seed: the first run's seed; the others count on.
        workers: processes; 1 stays in this one, as does a planner that is no name.
        at_once: runs side by side in each process; a local planner writes their steps together.
        ray: the processes are workers on the Ray cluster of `$RAY_ADDRESS`, else on one started here; planner, tools
            and graph are names then, and results of tools are kept in each worker's memory alone.
        quiet: print no progress on stderr.
        failed: told why of each run whose planner failed.

    Returns:
        How many samples were made; runs whose planner failed are none.

    Raises:
        UsageError: with `ray`, a planner, a tool or a scorer that is no name.
        PlannerError: the planner cannot be loaded, or gave nothing usable.
        TraceError: the store cannot be written, or a process ended early.
        MissingExtra: Ray is not installed.
    """
    out = Path(out)
    with collecting(out), closing(TraceStore(out, batch=BATCH_EVENTS)) as store:
        absorb_parts(store, out)
        lost = without_planner(store)
        said = {trace: told for trace, told in store.labelled("sample").items() if trace not in lost}
        had = {(told["id"], told.get("seed")) for told in said.values()}
        asked = [(question, seed + index) for question in questions for index in range(samples)]
        todo = [(question, number) for question, number in asked if (question.id, number) not in had]
        job = {
            "planner": planner, "temperature": temperature, "tools": list(tools), "graph": graph, "home": home,
            "cache": cache, "score": score, "at_once": at_once,
        }  # fmt: skip
        count = workers if isinstance(planner, str) else 1
        if ray:
            from agentmm.collect.on_ray import collect_on_ray

            made = collect_on_ray(todo, store, job, workers, quiet=quiet)
        else:
            made = collect(todo, store, out, make, job, count, question=lambda item: item[0], quiet=quiet)
        reasons = [reason for trace, reason in without_planner(store).items() if trace not in lost]
        if failed is not None:
            for reason in reasons:
                failed(reason)
        return made - len(reasons)


def make(
    todo: Iterable[tuple[Question, int]],
    store: TraceStore,
    *,
    planner: Any,
    temperature: float,
    tools: Sequence[Any],
    cache: Any,
    score: Score | None,
    at_once: int = 1,
    **options: Any,
) -> Iterator[Any]:
    """Make samples in this process, `at_once` side by side; yields their traces as they are finished.

    A run is in the store before its trace is yielded: a collection that is killed makes no finished run again.
    """
    loaded = sampler(planner, temperature)
    results, known = ResultCache(cache), load_tools(tools)
    run = sampling(store, lambda: results.wrap(known), loaded, score=score, at_once=at_once, **options)
    if at_once <= 1:
        yield from map(run, todo)
        return
    with ThreadPoolExecutor(at_once) as pool:
        made = [pool.submit(run, item) for item in todo]
        try:
            for future in as_completed(made):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def sampler(planner: Any, temperature: float) -> Any:
    """A planner of a name, at this temperature; another as it is."""
    return load_planner(planner, temperature=temperature) if isinstance(planner, str) else load_planner(planner)


def sampling(
    store: TraceStore,
    wrap: Callable[[], Sequence[Any]],
    planner: Any,
    *,
    score: Score | None,
    at_once: int,
    **options: Any,
) -> Callable[[tuple[Question, int]], Trace]:
    """What makes a sample of (question, seed) and labels its trace; called by `at_once` threads at most.

    Args:
        store: where traces go.
        wrap: gives the tools of one runner.
        planner: who is asked.
        score: says whether an answer is right; the world's own scorer where None.
        at_once: samples side by side.
        **options: of `Runner`.
    """
    runners: SimpleQueue[Runner] = SimpleQueue()
    for _ in range(max(1, at_once)):  # each has faults of its own; planner, store and results are shared
        runners.put(Runner(store, wrap(), planner, score=score or world_score, **options))

    def run(item: tuple[Question, int]) -> Trace:
        runner, (question, number) = runners.get(), item
        try:
            names = other_names(question.id) if question.renamed else None
            trace = runner.run(question, source="sampled", seed=number, names=names)
        finally:
            runners.put(runner)
        store.label(trace.id, "sample", {"id": question.id, "seed": number})
        store.flush(trace.id)
        return trace

    return run
