"""Traces as JSONL and as a Hugging Face `datasets.Dataset`, in the conversational format TRL reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmm.errors import MissingExtra
from agentmm.trace.messages import to_messages
from agentmm.trace.schema import Trace

if TYPE_CHECKING:
    from datasets import Dataset

Row = dict[str, Any]


def to_conversation(trace: Trace) -> Row:
    """One row: `messages`, `images` (hashes in the order of their blocks), `tools`, `id`, `status`, `labels`, `hash`.

    A content block of a medium is `{"type": "image"}`, as TRL expects, with the handle beside it.

    Example:
        `{"messages": [{"role": "user", "content": [{"type": "image", ...}, {"type": "text", "text": "How many?"}]},
        {"role": "assistant", "content": [...], "tool_calls": [...]}, {"role": "tool", ...}, ...], "images": [...]}`
    """
    images: list[str] = []
    messages = [_exported(message, trace, images) for message in to_messages(trace)]
    if trace.answer is not None and (not trace.steps or trace.steps[-1].plan.calls):
        messages.append({"role": "assistant", "content": [_text(trace.answer)]})
    row: Row = {"id": trace.id, "messages": messages, "images": images, "status": trace.status, "hash": trace.hash}
    return row | {"tools": [tool.model_dump(exclude_none=True) for tool in trace.tools], "labels": trace.labels}


def conversations(traces: Iterable[Trace]) -> Iterator[Row]:
    """The rows of traces in which a planner says anything: not of runs that could not begin, or were killed."""
    for row in map(to_conversation, traces):
        if any(message["role"] == "assistant" for message in row["messages"]):
            yield row


def export_jsonl(traces: Iterable[Trace], path: str | Path, *, whole: bool = False) -> int:
    """Write one JSON object a line, conversational rows or (`whole`) full traces; give the number of lines.

    Traces in which no planner says anything have no row.
    """
    return write_jsonl((trace.model_dump() for trace in traces) if whole else conversations(traces), path)


def write_jsonl(rows: Iterable[Row], path: str | Path) -> int:
    """Write one JSON object a line; give the number of lines."""
    count = 0
    with Path(path).open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def to_dataset(traces: Iterable[Trace]) -> Dataset:
    """A `datasets.Dataset` of the `conversations`; arguments and labels are JSON text, so that columns have one type.

    Raises:
        MissingExtra: `datasets` is not installed.
    """
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtra("datasets", "train") from error
    return Dataset.from_list([_flat(row) for row in conversations(traces)])


def _exported(message: Row, trace: Trace, images: list[str]) -> Row:
    """A message as TRL reads it; an image's hash is appended to `images`, where the row finds it by position."""
    content = [_text(message["content"])] if isinstance(message["content"], str) else message["content"]
    named = {key: message[key] for key in ("role", "name", "tool_call_id") if key in message}
    row: Row = {**named, "content": [_block(part, trace, images) for part in content]}
    if message.get("tool_calls"):
        row["tool_calls"] = [
            {"type": "function", "id": call["id"], "function": {"name": call["name"], "arguments": call["args"]}}
            for call in message["tool_calls"]
        ]
    return row


def _block(part: Row, trace: Trace, images: list[str]) -> Row:
    if part["type"] == "text":
        return part
    if part["type"] == "image":
        images.append(part.get("sha") or trace.sha_of(part["file_id"]))
    return {"type": part["type"], "handle": part["file_id"]}


def _text(text: str) -> Row:
    return {"type": "text", "text": text}


def _flat(row: Row) -> Row:
    messages = []
    for message in row["messages"]:
        flat = {"role": message["role"], "content": message["content"], "name": message.get("name")}
        flat["tool_call_id"] = message.get("tool_call_id")
        flat["tool_calls"] = json.dumps(message["tool_calls"]) if message.get("tool_calls") else None
        messages.append(flat)
    return row | {"messages": messages, "labels": json.dumps(row["labels"]), "tools": json.dumps(row["tools"])}
