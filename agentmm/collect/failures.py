"""Runs that are no samples: their planner could not be reached, or raised; they say nothing of how it answers."""

from __future__ import annotations

from collections.abc import Sequence

from agentmm.trace import Trace, TraceStore


def planner_failed(trace: Trace) -> bool:
    """Whether a run ended because its planner gave nothing at all: its server was down, or it raised.

    A run whose tool crashed, that spent its budget, or whose planner said nothing usable is a sample like any other.
    """
    if trace.status != "failed":
        return False
    if not trace.steps:
        return True
    last = trace.steps[-1]
    crashes = [f"{result.tool}: {result.error}" for result in last.results]
    return bool(last.plan.calls) and trace.error not in crashes


def without_planner(store: TraceStore) -> dict[str, str]:
    """Trace id to why the planner failed, of the sampled runs of a store that are to be made anew."""
    failed = store.traces(status="failed", source="sampled")
    return {trace.id: trace.error or "no reason given" for trace in failed if planner_failed(trace)}


def most_common(reasons: Sequence[str]) -> str:
    """The reason that was told most often; of several the first."""
    return max(dict.fromkeys(reasons), key=reasons.count)
