"""The state a recorder keeps of one run, and what it reads out of LangChain's objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from agentmm.trace.lift import Lifter


@dataclass
class Run:
    """One root run.

    Attributes:
        trace_id: where its events go.
        lifter: puts inline media in the store and holds handle to record.
        start: the start event of a foreign graph, not written yet.
        named_by_us: nobody gave the run's trace an id, so the graph may.
        ours: the graph sends `agentmm.start` itself.
        steps: ids of steps dispatched by a local planner, by the run that called it.
        cut_off: the last plan before a resume has no results: a plan that comes next is the same step once more.
        calls: planned call id to (tool, arguments), of calls without a result.
        spoken: message ids and texts that became plans.
        opened: chat model runs in the order they began.
        told: when the run of a plan began, and what it said.
    """

    trace_id: str
    lifter: Lifter
    start: dict[str, Any] | None = None
    named_by_us: bool = False
    ours: bool = False
    ended: bool = False
    paused: bool = False
    cut_off: bool = False
    steps: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    calls: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    spoken: set[str] = field(default_factory=set)
    began: dict[Any, float] = field(default_factory=dict)
    written_media: set[str] = field(default_factory=set)
    prompt_media: list[str] = field(default_factory=list)
    shown_media: set[str] = field(default_factory=set)
    tools: list[dict[str, Any]] = field(default_factory=list)
    last_text: str = ""
    opened: dict[Any, int] = field(default_factory=dict)
    told: list[tuple[int, str]] = field(default_factory=list)

    def new_media(self) -> dict[str, dict[str, Any]]:
        """Records that no event holds yet."""
        fresh = {key: value for key, value in self.lifter.records.items() if key not in self.written_media}
        self.written_media.update(fresh)
        return fresh

    def wraps(self, run_id: Any, message: AIMessage) -> bool:
        """Whether a model's run only passed on what a model within it said; notes what it said if not."""
        began = self.opened.get(run_id, len(self.opened))
        calls = [(call["name"], call["args"]) for call in message.tool_calls]
        said = repr((message.text, calls))
        if any(inner > began and said == words for inner, words in self.told):
            return True
        self.told.append((began, said))
        return False

    def already_said(self, message: AIMessage) -> bool:
        """Whether a message of a node's output is one that a planner callback has told of."""
        ids = [call["id"] for call in message.tool_calls if call["id"]]
        if message.id in self.spoken or (ids and all(call in self.spoken for call in ids)):
            return True
        return not message.tool_calls and message.text == self.last_text and bool(self.spoken)

    def remember(self, message: AIMessage) -> None:
        """Note a message as told."""
        self.spoken.update(key for key in (message.id, *(call["id"] for call in message.tool_calls)) if key)
        self.last_text = message.text


def plan_of(message: AIMessage, step: dict[str, Any] | None) -> dict[str, Any]:
    """The plan event of what a planner said, with the ids it reported."""
    calls = [{"id": call["id"] or "", "tool": call["name"], "arguments": call["args"]} for call in message.tool_calls]
    for call in message.invalid_tool_calls:
        calls.append({"id": call["id"] or "", "tool": call["name"] or "", "arguments": {"malformed": call["args"]}})
    plan: dict[str, Any] = {"text": message.text, "calls": calls, "counters": {}}
    told = message.response_metadata or {}
    for name in ("completion_ids", "logp", "logp_sampled", "forced"):
        if told.get(name) is not None:
            plan[name] = told[name]
    if message.usage_metadata:
        usage = message.usage_metadata
        plan["counters"] = {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
    counters = plan["counters"] | (step or {}).get("counters", {})
    return plan | (step or {}) | {"counters": counters}


def messages_in(value: Any) -> Iterator[BaseMessage]:
    """The messages in a node's output: a message, a list, a state update or a Command."""
    if isinstance(value, BaseMessage):
        yield value
    elif isinstance(value, dict):
        found = value.get("messages")
        yield from messages_in(getattr(found, "value", found))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            if not (isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)):
                yield from messages_in(entry)
    elif hasattr(value, "update") and hasattr(value, "goto"):
        yield from messages_in(value.update)


def media_in(value: Any) -> dict[str, dict[str, Any]]:
    """Media records in a state update, by handle."""
    found = value.get("media") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        return {}
    return {handle: record for handle, record in found.items() if isinstance(record, dict) and "kind" in record}


def result_of(message: ToolMessage, run: Run, seconds: float) -> dict[str, Any]:
    """The result record of a tool message for a planned call."""
    tool, arguments = run.calls.get(message.tool_call_id, (message.name or "", {}))
    observation, media = run.lifter.text(message.content)
    failed = observation.splitlines()[0] if observation and message.status == "error" else None
    return {
        "call": message.tool_call_id,
        "tool": tool,
        "arguments": arguments,
        "observation": observation,
        "media": media,
        "seconds": round(seconds, 6),
        "error": failed,
    }


def tools_of(invocation: dict[str, Any]) -> list[dict[str, Any]]:
    """Tools bound to a foreign chat model, as references; their versions are unknown."""
    found = []
    for tool in invocation.get("tools") or invocation.get("functions") or []:
        if isinstance(tool, dict):
            inner = tool.get("function", tool)
            name, about = inner.get("name") or inner.get("type"), inner.get("parameters") or inner.get("input_schema")
        else:
            name, about = getattr(tool, "name", None), getattr(tool, "args", None)
        if name:
            signature = f"{name}({','.join((about or {}).get('properties', about or {}))})"
            found.append({"name": str(name), "version": str(getattr(tool, "version", "")), "signature": signature})
    return found
