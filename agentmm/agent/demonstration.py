"""What a demonstration is: a finished run as messages; and which of several fit before a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentmm.errors import UsageError
from agentmm.nodes.plan import planner_name, takes_examples
from agentmm.trace import Trace, to_messages

Messages = list[dict[str, Any]]
TokensOf = Callable[[Messages], int]


@dataclass(frozen=True)
class Candidate:
    """A run that may be shown.

    Attributes:
        messages: its conversation: media by hash, no recorded ids, calls not yet numbered apart.
        media: hashes of what lies behind its handles.
    """

    messages: Messages
    media: tuple[str, ...]

    @classmethod
    def of(cls, trace: Trace) -> Candidate:
        """The candidate that a run is."""
        hashes = [str(record.get("sha")) for record in trace.media.values() if record.get("kind") != "region"]
        return cls([_told(message, trace) for message in _conversation(trace)], tuple(dict.fromkeys(hashes)))


def fitting(
    conversations: Iterable[Messages],
    k: int,
    max_tokens: int,
    tokens_of: TokensOf,
    usable: Callable[[int], bool] | None = None,
) -> list[int]:
    """Which conversations are shown: the first ones that fit.

    Args:
        conversations: of candidates, the most similar first.
        k: most of them.
        max_tokens: most tokens that they take together.
        tokens_of: tokens of some messages.
        usable: whether one that fits, by its place, can be shown; all can where None.
    """
    chosen: list[int] = []
    left = max_tokens
    for index, messages in enumerate(conversations):
        if len(chosen) == k:
            break
        tokens = tokens_of(_as_shown(messages, len(chosen)))
        if tokens <= left and (usable is None or usable(index)):
            left -= tokens
            chosen.append(index)
    return chosen


def before(conversations: Sequence[Messages]) -> Messages:
    """The messages before a question, out of the conversations that `fitting` chose: the most similar one last."""
    shown = [_as_shown(messages, number) for number, messages in enumerate(conversations)]
    return [message for messages in reversed(shown) for message in messages]


def counted_by(planner: Any) -> TokensOf:
    """How the tokens of demonstrations are counted: by the planner's own tokenizer where it has one of ours.

    Raises:
        UsageError: the planner takes no demonstrations.
    """
    if not takes_examples(planner):
        name = planner_name(planner)
        raise UsageError("this planner takes no examples", got=name, expected="nano, hf:... or a chat model")
    renderer = getattr(planner, "renderer", None)
    return words if renderer is None else lambda messages: len(renderer.render(messages).ids)


def words(messages: Messages) -> int:
    """A rough count for planners without a tokenizer of ours: a token for every four letters."""
    return sum(len(str(message["content"])) + len(str(message.get("tool_calls", ""))) for message in messages) // 4


def _as_shown(messages: Messages, number: int) -> Messages:
    """A conversation whose calls are numbered apart from those of other demonstrations."""
    shown: Messages = []
    for message in messages:
        told = dict(message)
        if "tool_calls" in told:
            told["tool_calls"] = [{**call, "id": f"shown_{number}_{call['id']}"} for call in told["tool_calls"]]
        if "tool_call_id" in told:
            told["tool_call_id"] = f"shown_{number}_{told['tool_call_id']}"
        shown.append({**told, "additional_kwargs": {"example": True}})
    return shown


def _told(message: dict[str, Any], trace: Trace) -> dict[str, Any]:
    """A message without what was recorded of it."""
    told: dict[str, Any] = {"role": message["role"], "content": _with_hashes(message["content"], trace)}
    if message.get("tool_calls"):
        told["tool_calls"] = message["tool_calls"]
    if "tool_call_id" in message:
        told["tool_call_id"] = message["tool_call_id"]
    return told


def _conversation(trace: Trace) -> Messages:
    """All messages of a run; an answer that was given after a last call ends it."""
    messages = to_messages(trace)
    if trace.steps[-1].plan.calls:
        messages.append({"role": "assistant", "content": trace.answer or ""})
    return messages


def _with_hashes(content: Any, trace: Trace) -> Any:
    if isinstance(content, str):
        return content
    return [{**block, "sha": trace.sha_of(block["file_id"])} if "file_id" in block else block for block in content]
