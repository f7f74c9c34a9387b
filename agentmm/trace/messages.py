"""A trace as the messages its planner was shown: what training, preference pairs, verification and export read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentmm.trace.schema import PlanRecord, ResultRecord, StepRecord, Trace

Message = dict[str, Any]
_SHOWN = ("image", "audio", "video")


def to_messages(trace: Trace, steps: int | None = None) -> list[Message]:
    """The conversation as dicts with `role`, `content`, `tool_calls` and, where recorded, `completion_ids`.

    Demonstrations stand first. Media stand as `{"type": "image", "file_id": "image_1"}`; assistant turns of recorded
    steps carry their ids, so that rendering them gives exactly the tokens that were written.

    Args:
        trace: a run.
        steps: how many steps, each with its plan and results; all where None.
    """
    messages = [*trace.examples, question_message(trace)]
    for step in trace.steps[:steps]:
        messages += step_messages(trace, step)
    return messages


def question_message(trace: Trace) -> Message:
    """The user's turn: the media that were given, then the question."""
    made = {handle for result in trace.calls for handle in result.media}
    given = [handle for handle, record in trace.media.items() if handle not in made]
    return {"role": "user", "content": [*_blocks(given, trace.media), {"type": "text", "text": trace.question}]}


def step_messages(trace: Trace, step: StepRecord) -> list[Message]:
    """The assistant's turn of a step and a tool turn for each result."""
    return [assistant_message(step.plan), *(tool_message(result, trace.media) for result in step.results)]


def assistant_message(plan: PlanRecord) -> Message:
    """The assistant's turn of a plan."""
    calls = [{"name": call.tool, "args": call.arguments, "id": call.id} for call in plan.calls]
    known = {"completion_ids": plan.completion_ids} if plan.completion_ids else {}
    return {"role": "assistant", "content": plan.text, "tool_calls": calls, "response_metadata": known}


def tool_message(result: ResultRecord, media: Mapping[str, Mapping[str, Any]]) -> Message:
    """The tool's turn: the observation, then what it made and the planner sees."""
    blocks = _blocks(result.media, media)
    content: Any = [{"type": "text", "text": result.observation}, *blocks] if blocks else result.observation
    return {"role": "tool", "content": content, "name": result.tool, "tool_call_id": result.call}


def _blocks(handles: list[str], media: Mapping[str, Mapping[str, Any]]) -> list[Message]:
    kinds = ((handle, str(media.get(handle, {}).get("kind"))) for handle in handles)
    return [{"type": kind, "file_id": handle} for handle, kind in kinds if kind in _SHOWN]
