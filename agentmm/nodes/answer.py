"""The answer node: closes a run with what the planner said, or honestly with what was found before it ended."""

from __future__ import annotations

import re
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from agentmm.nodes.budgets import found_so_far
from agentmm.nodes.node import Node, atell, tell
from agentmm.state import State, cut_off, last_ai, pending_calls
from agentmm.tool import stable_json

_CITATION = re.compile(r"\[((?:region|mask|image|audio|video)_[1-9][0-9]*)\]")
_THOUGHT = re.compile(r"<think>.*?</think>\s*", re.DOTALL)
UNANSWERABLE = "unanswerable:"
"""How an answer begins that says why there is none."""


def answer() -> Runnable[State, dict[str, Any]]:
    """A node that ends a run: status, text, cited handles; a spent budget gives a partial answer that names it."""
    return _Answer()


class _Answer(Node):
    name = "answer"

    def run(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        update, event = _closing(state)
        tell("agentmm.end", event, config)
        return update

    async def arun(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        update, event = _closing(state)
        await atell("agentmm.end", event, config)
        return update


def _closing(state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """Update of the state, and the event that closes the trace."""
    status, text, messages = _ending(state)
    cited = [handle for handle in dict.fromkeys(_CITATION.findall(text)) if handle in state.get("media", {})]
    media = state.get("media", {})
    final = {
        "text": text,
        "status": status,
        "regions": [handle for handle in cited if media[handle]["kind"] in ("region", "mask")],
        "media": [handle for handle in cited if media[handle]["kind"] not in ("region", "mask")],
        "reason": state.get("reason"),
    }
    error = final["reason"] if status == "failed" else None
    event = {"trace": state.get("trace"), "answer": text, "status": status, "error": error, "detail": final}
    return {"answer": final, "status": status, "messages": messages}, event


def _ending(state: State) -> tuple[str, str, list[Any]]:
    """Status, text, and the messages that make the conversation whole."""
    status, said = state.get("status"), last_ai(state)
    called = said is not None and bool(said.tool_calls or said.invalid_tool_calls)
    if status == "partial" and said is not None and not called and cut_off(said):
        return status, _THOUGHT.sub("", said.text).strip(), []  # an answer that was cut off is kept
    if not status:
        text = _THOUGHT.sub("", said.text).strip() if said is not None else ""
        return "unanswerable" if text.lower().startswith(UNANSWERABLE) else "answered", text, []
    word = "Failed" if status == "failed" else "Stopped before an answer"
    text = f"{word}: {state.get('reason') or 'no reason given'}. {found_so_far(state)}"
    return status, text, [*_not_run(state), AIMessage(text)]


def _not_run(state: State) -> list[ToolMessage]:
    """A result for every call that was never made: providers refuse conversations with open calls."""
    error = "not run: the run had ended"
    content = stable_json({"error": error})
    ids = [call["id"] for call in pending_calls(state)]
    return [ToolMessage(content, tool_call_id=call, artifact={"error": error}, status="error") for call in ids]
