"""What nodes read out of a state: the calls that wait, those that were made, the messages of this question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agentmm.state.graph_state import Pending, State


def question_messages(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages from the last question on."""
    starts = [index for index, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return list(messages[starts[-1] :] if starts else messages)


def last_ai(state: State) -> AIMessage | None:
    """What the planner said last on this question, None where it has said nothing."""
    said = [message for message in question_messages(state.get("messages", [])) if isinstance(message, AIMessage)]
    return said[-1] if said else None


def cut_off(said: AIMessage) -> bool:
    """Whether a planner's limit of tokens ended what it said, as the metadata of each provider tells it."""
    told = (said.response_metadata.get(name) for name in ("finish_reason", "stop_reason"))
    return any(isinstance(reason, str) and reason.lower() in ("length", "max_tokens") for reason in told)


def pending_calls(state: State) -> list[Pending]:
    """The planner's calls that have no result yet, in its order."""
    messages = question_messages(state.get("messages", []))
    done = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    said = last_ai(state)
    if said is None:
        return []
    calls: list[Pending] = [
        {"id": str(call["id"]), "tool": call["name"], "arguments": call["args"]} for call in said.tool_calls
    ]
    calls += [_malformed(call) for call in said.invalid_tool_calls]
    return [call for call in calls if call["id"] not in done]


def _malformed(call: Mapping[str, Any]) -> Pending:
    """A call that the planner wrote so badly that it has no arguments."""
    why = call.get("error") or "arguments are no JSON object"
    return {"id": str(call["id"]), "tool": call["name"] or "", "arguments": {"raw": call["args"]}, "malformed": why}


def calls_made(messages: Sequence[AnyMessage]) -> list[dict[str, Any]]:
    """Every finished call of this question, in order, those that were no calls for their bad form included.

    Each has `step` (from 1), `call`, `tool`, `arguments`, `observation`, `media`, `seconds` and `error`.
    """
    found: list[dict[str, Any]] = []
    results = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    step = 0
    for message in question_messages(messages):
        if not isinstance(message, AIMessage):
            continue
        step += 1
        said = [*message.tool_calls, *message.invalid_tool_calls]
        found += [_call(step, call, results[str(call["id"])]) for call in said if call["id"] in results]
    return found


def _call(step: int, call: Mapping[str, Any], result: ToolMessage) -> dict[str, Any]:
    facts = result.artifact or {}
    return {
        "step": step,
        "call": call["id"],
        "tool": call["name"] or "",
        "arguments": call["args"] if isinstance(call["args"], Mapping) else {"raw": call["args"]},
        "observation": observation_text(result),
        "media": list(facts.get("media", [])),
        "seconds": facts.get("seconds", 0.0),
        "error": facts.get("error"),
    }


def observation_text(message: ToolMessage) -> str:
    """The JSON that the planner reads of a call, without the media beside it."""
    if isinstance(message.content, str):
        return message.content
    return "".join(
        block["text"] for block in message.content if isinstance(block, dict) and block.get("type") == "text"
    )


def with_own_ids(message: AIMessage, messages: Sequence[Any]) -> AIMessage:
    """A planner's message whose call ids are unique in the conversation; missing or repeated ones are numbered anew.

    Args:
        message: what the planner said.
        messages: everything before it.
    """
    earlier = [past for past in messages if isinstance(past, AIMessage)]
    used = [call["id"] for past in earlier for call in (*past.tool_calls, *past.invalid_tool_calls)]
    ids = [*used, *(call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls))]
    if all(ids) and len(set(ids)) == len(ids):
        return message
    first = 1 + len(used)
    calls = [{**call, "id": f"call_{first + index}"} for index, call in enumerate(message.tool_calls)]
    first += len(calls)
    wrong = [{**call, "id": f"call_{first + index}"} for index, call in enumerate(message.invalid_tool_calls)]
    return message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": wrong})
