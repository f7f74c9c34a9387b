"""A trace's recorded tokens, step by step: the one form in which continuations are compared and trained on."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentmm.trace import StepRecord, Trace


@dataclass
class Tokens:
    """A run of tokens.

    Attributes:
        ids: token ids, [T].
        wrote: 1 where the planner wrote the token, [T].
        forced: 1 where it was the one legal token, [T].
        images: hashes of the images whose placeholders are among the ids, in order.
    """

    ids: list[int] = field(default_factory=list)
    wrote: list[int] = field(default_factory=list)
    forced: list[int] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def add(self, ids: list[int], wrote: int, forced: list[int] | None = None) -> None:
        """Append tokens of one author."""
        self.ids += ids
        self.wrote += [wrote] * len(ids)
        self.forced += forced if forced is not None else [0] * len(ids)


def recorded(trace: Trace) -> bool:
    """Whether every step was recorded token by token."""
    return bool(trace.steps) and all(step.plan.has_ids for step in trace.steps)


def prefix(trace: Trace, step: int) -> Tokens:
    """Everything before the completion of a step: the prompt that both sides of a pair share."""
    tokens = Tokens()
    for earlier in trace.steps[:step]:
        _prompt(tokens, trace, earlier)
        _completion(tokens, earlier, closed=trace.planner.closed)
    _prompt(tokens, trace, trace.steps[step])
    return tokens


def continuation(trace: Trace, step: int) -> Tokens:
    """The completion of a step and everything after it, tool results included."""
    tokens = Tokens()
    for going in trace.steps[step:]:
        if going.index > trace.steps[step].index:
            _prompt(tokens, trace, going)
        _completion(tokens, going, closed=trace.planner.closed and going is not trace.steps[-1])
    return tokens


def diverges_at(left: Trace, right: Trace) -> int | None:
    """The first step whose completions differ after equal tokens and equal images; None where there is no such step."""
    for index, (one, other) in enumerate(zip(left.steps, right.steps, strict=False)):
        if one.plan.prompt_ids != other.plan.prompt_ids or one.plan.media != other.plan.media:
            return None
        if one.plan.completion_ids != other.plan.completion_ids:
            return index
    return None


def _prompt(tokens: Tokens, trace: Trace, step: StepRecord) -> None:
    kinds = {str(record.get("sha")): record.get("kind") for record in trace.media.values()}
    tokens.add(list(step.plan.prompt_ids or []), 0)
    tokens.images += [sha for sha in step.plan.media if kinds.get(sha, "image") == "image"]


def _completion(tokens: Tokens, step: StepRecord, *, closed: bool) -> None:
    """What the planner wrote; where turns are closed, one that ran into its limit gets its end, without weight."""
    plan = step.plan
    wrote = list(plan.completion_ids or [])
    tokens.add(wrote, 1, [int(value) for value in plan.forced] if plan.forced else None)
    if closed and wrote and wrote[-1] != END_ID:
        tokens.add([END_ID], 0)


END_ID = 1
"""Id of `<|end|>`: the wire's special tokens have fixed ids."""
