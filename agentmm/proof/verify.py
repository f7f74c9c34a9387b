"""Verify: render every step again and compare what was recorded with what renderer, media store and model say now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agentmm.errors import AgentmmError, MediaError, TraceError
from agentmm.media import MediaStore
from agentmm.planner import load_planner
from agentmm.proof.reading import OwnReading, Reading
from agentmm.proof.report import Report
from agentmm.trace import StepRecord, Trace

LOGP_TOLERANCE = 1e-3
"""Largest difference of a log-probability between serving and a plain forward pass, float32, nats."""

BLIND_FACTOR = 5.0
"""Blanking the images must move log-probs by more than so many times what a re-run moves them."""


def verify(trace: Trace, store: MediaStore, planner: Any = None) -> Report:
    """Check a trace against renderer, media and weights.

    Per step: the completion's text parses to the recorded calls; rendering gives the recorded ids; the media hash to
    what was recorded; assistant tokens alone carry loss; `logp` is the model's own, by a forward pass without cache.
    For the trace: blanking the images moves the log-probs.

    Args:
        trace: what was recorded.
        store: its media.
        planner: the `ChatMM` or `ForeignChat` that planned; loaded by the recorded name where None.

    Returns:
        The report; a step without ids is `not verifiable`, never `ok`.
    """
    report = Report(trace.id)
    for step in trace.steps:
        if not step.plan.has_ids:
            report.add("ids", "not verifiable", step.index, "the step was recorded without token ids")
    if not trace.steps:
        report.add("ids", "not verifiable", None, "the run made no step")
    if not trace.steps or not all(step.plan.has_ids for step in trace.steps):
        return report
    loaded = _planner(trace, planner, report)
    if loaded is None:
        return report
    try:
        reading = _reading(loaded, trace, store)
    except (TraceError, MediaError) as error:
        report.add("ids", "not verifiable", None, str(error))
        return report
    if reading.stream.ids[:1] != (trace.steps[0].plan.prompt_ids or [])[:1]:
        report.add("ids", "not verifiable", 0, "the trace goes on with an earlier conversation")
        return report
    seen = [_check_step(step, reading, report) for step in trace.steps]
    if _check_pixels(trace, store, report) and all(seen):
        _check_model(trace, reading, report)
    return report


def _reading(planner: Any, trace: Trace, store: MediaStore) -> Reading:
    """The planner's way with the trace."""
    if hasattr(planner, "renderer"):
        return OwnReading(planner, trace, store)
    from agentmm.proof.foreign import ForeignReading

    return ForeignReading(planner, trace, store)


def _planner(trace: Trace, planner: Any, report: Report) -> Any:
    """The planner with the recorded weights, or None with the reason in the report."""
    if planner is None and ".py:" in trace.planner.name:
        report.add("ids", "not verifiable", None, f"no file that a trace names is run: planner {trace.planner.name!r}")
        return None
    try:
        loaded = planner if planner is not None else _loaded(trace.planner.name or "nano")
    except AgentmmError as error:
        report.add("ids", "not verifiable", None, f"the planner cannot be loaded: {error}")
        return None
    if not hasattr(loaded, "renderer") and not hasattr(loaded, "telling"):
        report.add("ids", "not verifiable", None, f"planner {trace.planner.name!r} renders no token ids here")
        return None
    weights = getattr(loaded, "weights_id", None)
    if trace.planner.weights is not None and weights != trace.planner.weights:
        detail = f"recorded with weights {trace.planner.weights}, loaded are {weights}"
        report.add("logp", "not verifiable", None, detail)
        return None
    return loaded


@lru_cache(maxsize=1)
def _loaded(name: str) -> Any:
    """A planner by name; many traces of one planner load it once."""
    return load_planner(name)


def _check_step(step: StepRecord, reading: Reading, report: Report) -> bool:
    """Ids, mask and calls of one step."""
    stream = reading.stream
    start, end = stream.spans[step.index]
    before = 0 if step.index == 0 else stream.spans[step.index - 1][1]
    ids, mask = stream.ids, stream.loss_mask
    differs = next((i for i in range(before, end) if ids[i : i + 1] != stream.recorded[i : i + 1]), None)
    detail = f"{end - before} ids" if differs is None else _around(reading, differs)
    report.add("ids", "ok" if differs is None else "failed", step.index, detail)
    right = all(mask[start:end]) and not any(mask[before:start])
    report.add("mask", "ok" if right else "failed", step.index, f"{end - start} assistant tokens carry loss")
    same = _calls_match(step, reading)
    report.add("calls", "ok" if same else "failed", step.index, "" if same else "the ids say something else")
    return differs is None and right


def _around(reading: Reading, place: int) -> str:
    """The first difference, in words."""
    rows = (reading.stream.ids, reading.stream.recorded)
    now, then = (reading.text(row[place : place + 6]) for row in rows)
    return f"token {place}: rendered {now!r}, recorded {then!r}"


def _calls_match(step: StepRecord, reading: Reading) -> bool:
    """Whether the completion's ids parse to the recorded calls."""
    bad = [call.arguments["malformed"] for call in step.plan.calls if set(call.arguments) == {"malformed"}]
    told = [(call.tool, call.arguments) for call in step.plan.calls if set(call.arguments) != {"malformed"}]
    return reading.said(step.plan.completion_ids or []) == (told, bad)


def _check_pixels(trace: Trace, store: MediaStore, report: Report) -> bool:
    """Every medium the planner saw is in the store and hashes to its name."""
    fresh = MediaStore(store.root, store.limits)  # nothing remembered: each medium is read and hashed again
    good = True
    for step in trace.steps:
        for sha in step.plan.media:
            try:
                fresh.get(sha)
                report.add("pixels", "ok", step.index, sha[:12])
            except MediaError as error:
                good = False
                report.add("pixels", "failed", step.index, str(error))
    return good


def _check_model(trace: Trace, reading: Reading, report: Report) -> None:
    """Log-probs by a plain forward pass, and the same with blank images."""
    own = reading.logps()
    for step, values in zip(trace.steps, own, strict=True):
        recorded = step.plan.logp
        if recorded is None or len(recorded) != len(values) or reading.coarse:
            detail = reading.coarse or "the step was recorded without log-probs"
            report.add("logp", "not verifiable", step.index, detail)
            continue
        worst = max((abs(a - b) for a, b in zip(recorded, values, strict=True)), default=0.0)
        report.add("logp", "ok" if worst <= LOGP_TOLERANCE else "failed", step.index, f"largest difference {worst:.2e}")
    if not reading.stream.media:
        return
    again, blind = reading.logps(), reading.logps(blank=True)
    moved, shaken = _distance(own, blind), _distance(own, again)
    sees = moved > BLIND_FACTOR * shaken
    detail = f"blank media move log-probs by {moved:.2e}, a re-run by {shaken:.2e}"
    report.add("blind", "ok" if sees else "failed", None, detail)


def _distance(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> float:
    pairs = (pair for a, b in zip(left, right, strict=True) for pair in zip(a, b, strict=True))
    return max((abs(a - b) for a, b in pairs), default=0.0)
