"""What a recorder reads out of LangChain's objects: plans, results, tools, questions and answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from agentmm.trace.run import Run


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


def tool_messages(messages: Iterable[BaseMessage]) -> list[ToolMessage]:
    """The tool messages among some messages."""
    return [message for message in messages if isinstance(message, ToolMessage)]


def is_pause(error: BaseException) -> bool:
    """Whether an error is LangGraph's way to wait for a person."""
    return any(cls.__name__ == "GraphBubbleUp" for cls in type(error).__mro__)


def question_in(inputs: Any) -> str:
    """A question in a state that has no messages."""
    if isinstance(inputs, str):
        return inputs
    for key in ("question", "input", "query"):
        if isinstance(inputs, dict) and isinstance(inputs.get(key), str):
            return inputs[key]
    return ""


def answer_in(outputs: Any) -> str:
    """An answer in a state that has no messages."""
    for key in ("answer", "output", "result"):
        if isinstance(outputs, dict) and isinstance(outputs.get(key), str):
            return outputs[key]
    return ""
