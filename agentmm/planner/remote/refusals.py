"""Why a server gave nothing: its model refused, or a filter of what may be said stopped it.

A refusal is no answer: the run fails with the server's own words, so that no trace of it counts as answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from agentmm.errors import PlannerError
from agentmm.planner.remote.failures import one_line

REFUSAL = "refusal"
"""Key of a reply's metadata that holds the words in which its model refused; LangChain keeps them likewise."""

_FILTERED = frozenset(
    {"content_filter", "refusal", "safety", "image_safety", "prohibited_content", "blocklist", "recitation", "spii"}
)
"""How providers name the end of a reply that a filter, or the model itself, stopped."""


def refused(said: AIMessage, name: str, keys: Sequence[str]) -> PlannerError | None:
    """The error of a reply that holds neither words nor calls and says why; None for any other.

    Args:
        said: the reply, its calls read.
        name: of the planner.
        keys: what the line must not hold.
    """
    if said.text.strip() or said.tool_calls or said.invalid_tool_calls:
        return None
    words = _words(said)
    if words:
        return PlannerError(f"the model refuses to answer: {one_line(words, keys)} (planner {name})")
    told = (said.response_metadata.get(key) for key in ("finish_reason", "stop_reason"))
    ended = next((end for end in told if isinstance(end, str) and end.lower() in _FILTERED), None) or _blocked(said)
    if ended is None:
        return None
    return PlannerError(f"the server stopped the reply: {ended} (planner {name})", mend="other words or pictures")


def _blocked(said: AIMessage) -> str | None:
    """Why Google did not even read the question; None where it did."""
    feedback = said.response_metadata.get("prompt_feedback")
    reason = feedback.get("block_reason") if isinstance(feedback, dict) else None
    return one_line(str(getattr(reason, "value", reason)), ()) if reason else None


def _words(said: AIMessage) -> str:
    """The model's own words of refusal; empty where it has none."""
    blocks = said.content if isinstance(said.content, list) else []
    parts = [block for block in blocks if isinstance(block, dict) and block.get("type") == REFUSAL]
    found: list[Any] = [said.response_metadata.get(REFUSAL), said.additional_kwargs.get(REFUSAL)]
    found += [part.get(REFUSAL) for part in parts]
    return next((words for words in found if isinstance(words, str) and words.strip()), "")
