"""From what a graph reports to events and to an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, ToolMessage

from agentmm.agent.answer import Answer, CitedRegion, Status
from agentmm.agent.events import Called, Event, Planned, Result
from agentmm.planner.completion import split_thought
from agentmm.state import calls_made
from agentmm.state.reading import observation_text
from agentmm.trace import Trace

_COUNTED = ("steps", "calls", "errors", "tokens")


class Reader:
    """Reads a run's updates; knows which step it is at.

    Args:
        steps: planner steps that were made before this process.
        calls: calls that waited then.
    """

    def __init__(self, steps: int = 0, calls: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.steps = steps
        self.calls: dict[str, dict[str, Any]] = {key: dict(call) for key, call in (calls or {}).items()}

    def events(self, update: Mapping[str, Any]) -> Iterator[Event]:
        """Events of one update (`{"plan": {...}}`); any node of any name may have spoken."""
        for changed in update.values():
            if isinstance(changed, Mapping) and not changed.get("answer"):
                for message in changed.get("messages") or []:
                    yield from self._of(message)

    def waiting(self) -> Iterator[Event]:
        """What a resumed run is about to do first."""
        for call in self.calls.values():
            yield Called(step=self.steps, call=call["id"], tool=call["tool"], arguments=call["arguments"])

    def _of(self, message: Any) -> Iterator[Event]:
        if isinstance(message, AIMessage):
            self.steps += 1
            calls = [{"id": call["id"], "tool": call["name"], "arguments": call["args"]} for call in message.tool_calls]
            self.calls = {str(call["id"]): call for call in calls}
            thought, text = (message.text, "") if calls else split_thought(message.text)
            yield Planned(step=self.steps, thought=thought, text=text, calls=calls)
            yield from self.waiting()
        elif isinstance(message, ToolMessage):
            yield self._result(message)

    def _result(self, message: ToolMessage) -> Result:
        call, facts = self.calls.get(message.tool_call_id, {}), message.artifact or {}
        facts = facts if isinstance(facts, Mapping) else {}
        return Result(
            step=self.steps,
            call=message.tool_call_id,
            tool=call.get("tool") or message.name or "",
            arguments=call.get("arguments") or {},
            observation=observation_text(message),
            media=list(facts.get("media", [])),
            seconds=facts.get("seconds", 0.0),
            error=facts.get("error"),
        )


def answer_of(state: Mapping[str, Any], trace_id: str, counted: Mapping[str, float] | None = None) -> Answer:
    """The answer in a finished state.

    Args:
        state: values of the graph.
        trace_id: id of the question's trace.
        counted: the trace's own counters.
    """
    final = state.get("answer") or _bare(state)
    media = state.get("media") or {}
    return Answer(
        text=final["text"],
        status=final["status"],
        reason=final.get("reason"),
        regions=[_cited(handle, media[handle]) for handle in final.get("regions", []) if handle in media],
        media={handle: record for handle, record in media.items() if record["kind"] != "region"},
        steps=calls_made(state.get("messages") or []),
        counters={**(counted or {}), **counters_of(state)},
        trace_id=trace_id,
    )


def answer_in(trace: Trace) -> Answer:
    """The answer in a finished trace, as `answer_of` gives it of the state that it ended in."""
    detail, counters = trace.detail or {}, trace.counters
    steps = [
        {
            "step": step.index + 1,
            **result.model_dump(include={"call", "tool", "arguments", "observation", "media", "seconds", "error"}),
        }
        for step in trace.steps
        for result in step.results
    ]
    tallied = {"errors": sum(step["error"] is not None for step in steps), "tokens": _tokens(counters)}
    return Answer(
        text=trace.answer or "",
        status=cast(Status, trace.status or "answered"),
        reason=detail.get("reason"),
        regions=[_cited(handle, trace.media[handle]) for handle in detail.get("regions", []) if handle in trace.media],
        media={handle: record for handle, record in trace.media.items() if record["kind"] != "region"},
        steps=steps,
        counters={**counters, **tallied},
        trace_id=trace.id,
    )


def _tokens(counters: Mapping[str, float]) -> float:
    """Tokens of a trace: those that its models told of; where there are none, a local planner's own count."""
    told, own = ("input_tokens", "output_tokens"), ("prefill_tokens", "cached_tokens", "decode_tokens")
    return sum(counters.get(name, 0) for name in (told if any(name in counters for name in told) else own))


def waiting_answer(state: Mapping[str, Any], calls: list[dict[str, Any]], trace_id: str) -> Answer:
    """The answer of a run that waits for a person."""
    names = ", ".join(f"{call['id']} {call['tool']}" for call in calls)
    made = answer_of(
        {**state, "answer": {"text": f"Waiting for approval: {names}.", "status": "needs_approval"}}, trace_id
    )
    return made.model_copy(update={"pending": calls})


def counters_of(state: Mapping[str, Any]) -> dict[str, float]:
    """Steps, calls, errors and tokens of a state."""
    return {name: state.get(name) or 0 for name in _COUNTED}


def _bare(state: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a graph without our answer node: what was said last."""
    said = [message for message in state.get("messages") or [] if isinstance(message, AIMessage)]
    return {"text": said[-1].text if said else "", "status": state.get("status") or ("answered" if said else "failed")}


def _cited(handle: str, record: Mapping[str, Any]) -> CitedRegion:
    names = ("source", "box", "span", "label", "text", "score")
    told = {name: record[name] for name in names if record.get(name) is not None}
    return CitedRegion.model_validate({"handle": handle, **told})
