"""A trace as text for people."""

from __future__ import annotations

import json

from agentmm.trace.schema import ResultRecord, StepRecord, Trace


def show(trace: Trace, *, width: int = 120, ids: bool = False) -> str:
    """The question, each plan and call with what came back, and the answer, as plain lines.

    Args:
        trace: what to show.
        width: characters a line; longer texts are cut, 0 for no cut.
        ids: say how many tokens each step read and wrote, and their mean log-probability.
    """
    lines = [f"trace    {trace.id}", f"graph    {trace.graph} planned by {trace.planner.name or 'unknown'}"]
    lines += [f"asked    {trace.question}"]
    given = {handle for result in trace.calls for handle in result.media}
    lines += [f"given    {_record(handle, trace)}" for handle in trace.media if handle not in given]
    for step in trace.steps:
        lines += _step(step, trace, ids)
    lines.append(f"answer   {trace.answer if trace.answer is not None else '(none yet)'}")
    lines.append(f"status   {trace.status or 'cut off'}" + (f": {trace.error}" if trace.error else ""))
    lines.append(f"hash     {trace.hash}")
    return "\n".join(_cut(line, width) for line in lines)


def _step(step: StepRecord, trace: Trace, ids: bool) -> list[str]:
    plan, lines = step.plan, []
    if plan.text:
        lines.append(f"step {step.index + 1:<3} says {plan.text}")
    for call in plan.calls:
        arguments = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items())
        lines.append(f"step {step.index + 1:<3} {call.tool}({', '.join(arguments)})")
        lines += [_result(result, trace) for result in step.results if result.call == call.id]
    if ids:
        lines.append(f"         {_tokens(step)}")
    return lines


def _result(result: ResultRecord, trace: Trace) -> str:
    made = "".join(f"  [{_record(handle, trace)}]" for handle in result.media)
    arrow = "x>" if result.error else "->"
    return f"      {arrow} {result.observation}{made}  ({result.seconds * 1000:.0f} ms)"


def _record(handle: str, trace: Trace) -> str:
    record = trace.media.get(handle, {})
    size = f" {record['width']}x{record['height']} px" if "width" in record else ""
    size += f" {record['seconds']:.1f} s" if record.get("seconds") is not None else ""
    return f"{handle}{size}"


def _tokens(step: StepRecord) -> str:
    plan = step.plan
    if not plan.has_ids:
        return f"ids: {plan.ids}"
    mean = sum(plan.logp) / len(plan.logp) if plan.logp else float("nan")
    return f"read {len(plan.prompt_ids or [])} tokens, wrote {len(plan.completion_ids or [])}, mean log-prob {mean:.3f}"


def _cut(line: str, width: int) -> str:
    return line if not width or len(line) <= width else line[: width - 3] + "..."
