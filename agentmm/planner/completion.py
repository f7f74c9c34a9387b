"""What a planner wrote, taken apart: thought, calls, answer; what cannot be read is kept as malformed, never raised."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from agentmm.planner.letters import storable

_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_STRAY = re.compile(r"</?(?:tool_call|think)>|<\|[a-z]+\|>")
_DEEPEST = 32


class ParsedCall(NamedTuple):
    """One call as the planner wrote it: not yet checked against any tool."""

    tool: str
    arguments: dict[str, Any]


class Completion(NamedTuple):
    """A parsed assistant turn: calls or an answer.

    Attributes:
        think: what was thought before; text beside calls counts as thought.
        calls: the calls that could be read, in order.
        answer: the final text; empty where there are calls.
        malformed: texts that should have been a call or an answer and are neither.
    """

    think: str
    calls: list[ParsedCall]
    answer: str
    malformed: list[str]


def parse_completion(text: str) -> Completion:
    """Parse `<think>...</think>` and then calls, or the answer; whatever the text, a result.

    Args:
        text: what the planner wrote, with or without `<|end|>`.
    """
    think, body = split_thought(text.split("<|end|>", 1)[0].strip())
    read = [_call(found) for found in _CALL.findall(body)]
    calls = [call for call in read if isinstance(call, ParsedCall)]
    malformed = [call for call in read if isinstance(call, str)]
    rest = _CALL.sub(" ", body).strip()
    if _STRAY.search(rest) or not (read or rest):
        return Completion(think, calls, "", [*malformed, rest])
    if read:
        return Completion(" ".join(filter(None, (think, rest))), calls, "", malformed)
    return Completion(think, [], rest, [])


def split_thought(body: str) -> tuple[str, str]:
    """Split a leading, closed thought off: (thought, the rest), both stripped; no thought is ""."""
    if not body.startswith("<think>") or "</think>" not in body:
        return "", body
    think, _, rest = body.removeprefix("<think>").partition("</think>")
    return think.strip(), rest.strip()


def json_of(text: str) -> Any:
    """A value out of what a planner wrote: JSON alone (no `NaN`), not too deep, its texts `storable`.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        value = None
        deep = True
    else:
        deep = _depth(value) > _DEEPEST
    if deep:
        raise ValueError(f"more than {_DEEPEST} levels")
    return storable(value)


def _call(text: str) -> ParsedCall | str:
    """One call from its JSON, or the text where it is none."""
    try:
        value = json_of(text)
    except ValueError:
        return text
    if not isinstance(value, dict) or set(value) != {"name", "arguments"}:
        return text
    if not isinstance(value["name"], str) or not value["name"] or not isinstance(value["arguments"], dict):
        return text
    return ParsedCall(value["name"], value["arguments"])


def _depth(value: Any, level: int = 1) -> int:
    """Levels of nesting, counted no further than one beyond the limit."""
    if not isinstance(value, (dict, list)) or level > _DEEPEST:
        return level
    items = value.values() if isinstance(value, dict) else value
    return max((_depth(item, level + 1) for item in items), default=level)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
