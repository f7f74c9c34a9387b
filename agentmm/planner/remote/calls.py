"""The calls in a server's reply, whatever their form: what is meant is read, what cannot be read is malformed.

A server with a tool parser gives `tool_calls`, in a stream in pieces; one without leaves them in the text, in Hermes
form. LangChain's own reading is not used: it raises for forms that it does not expect, and completes broken JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from agentmm.planner.completion import json_of, parse_completion
from agentmm.planner.keys import hidden

CALLED = "called"
"""Key of a reply's metadata that holds its calls as they came: a list of `{"call": ...}`, in a stream of pieces."""

AS_TEXT = "calls_as_text"
"""Key of a message's metadata that says that its calls stood in the text."""

_MARKS = ("<tool_call>", "</tool_call>")
_FORM = 'not {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>'
_UNREAD = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
"""How Google ends a reply whose call it could not read; the reply is empty then."""

_SHOWN_CHARS = 120


def heard(said: AIMessage, *, bound: bool, keys: Sequence[str] = ()) -> AIMessage:
    """A reply with its calls read.

    Args:
        said: as the client gives it.
        bound: whether tools are bound; without, no text is a call.
        keys: what no call and no line of why it is none may hold; blotted out before a line is cut.
    """
    raw = said.response_metadata.get(CALLED)
    if raw:
        calls, wrong = read_calls([entry["call"] for entry in raw], keys)
        return said.model_copy(update={"tool_calls": calls, "invalid_tool_calls": wrong})
    if not bound or said.tool_calls or said.invalid_tool_calls:
        return said
    ended = said.response_metadata.get("finish_reason")
    if ended in _UNREAD and not said.text.strip():
        wrong = [_malformed(None, "", None, f"the server could not read the call: {ended}")]
        return said.model_copy(update={"invalid_tool_calls": wrong})
    return _out_of_text(said, keys)


def read_calls(raw: Sequence[Any], keys: Sequence[str] = ()) -> tuple[list[Any], list[Any]]:
    """Calls as LangChain knows them, and those that cannot be read.

    Args:
        raw: `tool_calls` of a reply, or the pieces of a stream in order: those of one call have the same `index`.
        keys: as in `heard`.
    """
    calls: list[Any] = []
    wrong: list[Any] = []
    for whole in hidden(_joined(raw), keys):
        read = _read(whole)
        (wrong if read["type"] == "invalid_tool_call" else calls).append(read)
    return calls, wrong


def _out_of_text(said: AIMessage, keys: Sequence[str]) -> AIMessage:
    """A reply whose text holds calls, in place of the text; any other as it is."""
    thought, end, body = hidden(str(said.text), keys).rpartition("</think>")
    if not any(mark in body for mark in _MARKS):
        return said
    parsed = parse_completion(body)
    think = " ".join(filter(None, (thought.replace("<think>", "").strip() if end else "", parsed.think)))
    calls = [{"name": call.tool, "args": call.arguments, "id": None, "type": "tool_call"} for call in parsed.calls]
    wrong = [_malformed(None, piece, None, f"{_FORM}: {_cut(piece)}") for piece in parsed.malformed if piece]
    told = {"content": think, "tool_calls": calls, "invalid_tool_calls": wrong}
    return said.model_copy(update=told | {"response_metadata": {**said.response_metadata, AS_TEXT: True}})


def _joined(raw: Sequence[Any]) -> list[Any]:
    """Whole calls out of pieces; what has no index goes on with the last call, unless it has a name."""
    made: list[Any] = []
    known: dict[Any, dict[str, Any]] = {}
    last: dict[str, Any] | None = None
    for piece in raw:
        if not isinstance(piece, Mapping):
            made.append(piece)
            continue
        function = piece.get("function")
        part = function if isinstance(function, Mapping) else {}
        index = piece.get("index")
        call = known.get(index) if isinstance(index, int) else last
        if call is None or (part.get("name") and (index is None or _other(call, piece))):
            call = dict[str, Any](function=None, id=None)
            made.append(call)
            known |= {index: call} if isinstance(index, int) else {}
        last = call
        call["id"] = call["id"] or piece.get("id")
        if isinstance(function, Mapping):
            had = call["function"] or {}
            call["function"] = {name: _plus(had.get(name), part.get(name)) for name in ("name", "arguments")}
        elif function is not None:
            call["function"] = function
    return made


def _other(call: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    """Whether a named piece of the same index belongs to another call: some servers count all of them as 0."""
    return bool(call["id"] and piece.get("id") and call["id"] != piece["id"])


def _plus(had: Any, more: Any) -> Any:
    """What a field holds once more of it came; what is no text cannot be gone on with."""
    if had in (None, "") or more in (None, ""):
        return more if had in (None, "") else had
    return had + more if isinstance(had, str) and isinstance(more, str) else [had, more]


def _read(call: Any) -> dict[str, Any]:
    """One whole call, or why it is none."""
    if not isinstance(call, Mapping):
        return _malformed(None, _text(call), None, f"a call is no object: {_cut(_text(call))}")
    given = call.get("id")
    call_id = given if isinstance(given, str) and given else None
    function = call["function"]
    if not isinstance(function, Mapping):
        return _malformed(None, _text(function), call_id, f"a call without a function, but {_cut(_text(function))}")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not name.strip():
        whole = _text(function)
        return _malformed(None, whole, call_id, f"a call without the name of a tool: {_cut(whole)}")
    text = _text(arguments)
    try:
        read = {} if arguments in (None, "") else json_of(text)
    except ValueError:
        return _malformed(name, text, call_id, f"the arguments of {name} are no JSON: {_cut(text)}")
    read = {} if read is None else read
    if not isinstance(read, dict):
        return _malformed(name, text, call_id, f"the arguments of {name} are no JSON object: {_cut(text)}")
    return {"name": name, "args": read, "id": call_id, "type": "tool_call"}


def _malformed(name: str | None, text: str, call_id: str | None, why: str) -> dict[str, Any]:
    return {"name": name, "args": text, "id": call_id, "error": why, "type": "invalid_tool_call"}


def _text(value: Any) -> str:
    """What came, as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    """A text on one line, shortened."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."
