"""Folds a run's events, in order, into a `Trace`. Pure: no clock, no disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentmm.trace.hash import hashes_of
from agentmm.trace.schema import PlannerRef, PlanRecord, ResultRecord, StepRecord, ToolRef, Trace

Event = tuple[str, dict[str, Any]]


def fold(trace_id: str, events: Iterable[Event], created: float = 0.0, labels: dict[str, Any] | None = None) -> Trace:
    """The trace that a run's events tell.

    Args:
        trace_id: its id.
        events: `(kind, payload)` in the order they were written; kinds: `start`, `tools`, `media`, `plan`, `results`,
            `end`, `pause`, `error`, `refused` (it could not begin). Unknown kinds are passed over.
        created: when the first event was written, seconds since 1970.
        labels: what was said about the trace afterwards.
    """
    return seal(told(trace_id, events, created, labels))


def seal(trace: Trace) -> Trace:
    """The trace itself, with its hash and chain."""
    trace.hash, trace.chain = hashes_of(trace)
    return trace


def told(trace_id: str, events: Iterable[Event], created: float = 0.0, labels: dict[str, Any] | None = None) -> Trace:
    """`fold` without hash and chain, for those who have them or need none."""
    trace = Trace(id=trace_id, created=created, labels=labels or {})
    for kind, payload in events:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(trace, payload)
    for step in trace.steps:
        step.results = _in_call_order(step)
    trace.counters = _sums(trace)
    return trace


def _start(trace: Trace, payload: dict[str, Any]) -> None:
    trace.status = trace.error = None  # of a question that could not begin, and begins now
    trace.graph = payload.get("graph") or ""
    trace.question = payload.get("question") or ""
    trace.settings = payload.get("settings") or {}
    trace.seed = payload.get("seed")
    trace.parent = payload.get("parent")
    trace.source = payload.get("source")
    trace.examples = payload.get("examples") or []
    planner = payload.get("planner") or {}
    trace.planner = PlannerRef(name=planner) if isinstance(planner, str) else PlannerRef.model_validate(planner)
    _tools(trace, payload)
    _media(trace, payload)


def _tools(trace: Trace, payload: dict[str, Any]) -> None:
    trace.tools = [ToolRef.model_validate(tool) for tool in payload.get("tools") or []]


def _media(trace: Trace, payload: dict[str, Any]) -> None:
    trace.media.update(payload.get("media") or {})


def _plan(trace: Trace, payload: dict[str, Any]) -> None:
    _media(trace, {"media": payload.get("records")})
    trace.status = trace.error = None
    if payload.get("again") and trace.steps and not trace.steps[-1].results:
        trace.steps.pop()
    trace.steps.append(StepRecord(index=len(trace.steps), plan=PlanRecord.model_validate(payload)))


def _results(trace: Trace, payload: dict[str, Any]) -> None:
    """Put each result at the last step that planned its call; a call's first result stands."""
    _media(trace, payload)
    results = [ResultRecord.model_validate(entry) for entry in payload.get("results") or []]
    _rename(trace, results)
    for result in results:
        step = _planned_in(trace, result.call)
        if step is None:
            continue
        if all(known.call != result.call for known in step.results):
            step.results.append(result)


def _rename(trace: Trace, results: list[ResultRecord]) -> None:
    """Give planned calls the ids their results have: nodes may number anew what a planner numbered otherwise."""
    calls = trace.steps[-1].plan.calls if trace.steps and not trace.steps[-1].results else []
    known = {call.id for step in trace.steps for call in step.plan.calls}
    if len(calls) == len(results) and not any(result.call in known for result in results):
        for call, result in zip(calls, results, strict=True):
            call.id = result.call


def _planned_in(trace: Trace, call: str) -> StepRecord | None:
    for step in reversed(trace.steps):
        if any(planned.id == call for planned in step.plan.calls):
            return step
    return trace.steps[-1] if trace.steps else None


def _end(trace: Trace, payload: dict[str, Any]) -> None:
    answer = payload.get("answer")
    trace.detail = payload.get("detail")
    if isinstance(answer, dict):
        trace.detail, answer = answer, answer.get("text")
    trace.answer = None if answer is None else str(answer)
    trace.status = payload.get("status") or "answered"
    trace.error = payload.get("error")


def _pause(trace: Trace, payload: dict[str, Any]) -> None:
    trace.status = payload.get("status") or "needs_approval"


def _error(trace: Trace, payload: dict[str, Any]) -> None:
    trace.status, trace.error = "failed", payload.get("error")


_HANDLERS = {
    "start": _start,
    "tools": _tools,
    "media": _media,
    "plan": _plan,
    "results": _results,
    "end": _end,
    "pause": _pause,
    "error": _error,
    "refused": _error,
}


def _in_call_order(step: StepRecord) -> list[ResultRecord]:
    """Parallel calls come back in any order; a trace has them in the order they were planned."""
    place = {call.id: index for index, call in enumerate(step.plan.calls)}
    return sorted(step.results, key=lambda result: place.get(result.call, len(place)))


def _sums(trace: Trace) -> dict[str, float]:
    """Counters over the steps, plus `steps`, `calls` and `tool_seconds`."""
    total: dict[str, float] = {"steps": len(trace.steps), "calls": len(trace.calls)}
    total["tool_seconds"] = round(sum(result.seconds for result in trace.calls), 6)
    for step in trace.steps:
        for name, value in step.plan.counters.items():
            total[name] = total.get(name, 0) + value
    return total
