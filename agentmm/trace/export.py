"""Traces as JSONL and as a Hugging Face `datasets.Dataset`, in the conversational format TRL reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmm.errors import MissingExtra
from agentmm.trace.schema import StepRecord, Trace

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
    made = {handle for result in trace.calls for handle in result.media}
    given = [handle for handle, record in trace.media.items() if handle not in made and _visible(record)]
    messages = [{"role": "user", "content": [*_media(trace, given, images), _text(trace.question)]}]
    for step in trace.steps:
        messages += _step(trace, step, images)
    if trace.answer is not None and (not trace.steps or trace.steps[-1].plan.calls):
        messages.append({"role": "assistant", "content": [_text(trace.answer)]})
    row: Row = {"id": trace.id, "messages": messages, "images": images, "status": trace.status, "hash": trace.hash}
    return row | {"tools": [tool.model_dump() for tool in trace.tools], "labels": trace.labels}


def export_jsonl(traces: Iterable[Trace], path: str | Path, *, whole: bool = False) -> int:
    """Write one JSON object a line, conversational rows or (`whole`) full traces; give the number of lines."""
    return write_jsonl((trace.model_dump() if whole else to_conversation(trace) for trace in traces), path)


def write_jsonl(rows: Iterable[Row], path: str | Path) -> int:
    """Write one JSON object a line; give the number of lines."""
    count = 0
    with Path(path).open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def to_dataset(traces: Iterable[Trace]) -> Dataset:
    """A `datasets.Dataset` of conversational rows; arguments and labels are JSON text, so that columns have one type.

    Raises:
        MissingExtra: `datasets` is not installed.
    """
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtra("datasets", "train") from error
    return Dataset.from_list([_flat(to_conversation(trace)) for trace in traces])


def _step(trace: Trace, step: StepRecord, images: list[str]) -> list[Row]:
    plan = step.plan
    said: Row = {"role": "assistant", "content": [_text(plan.text)]}
    if plan.calls:
        said["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.tool, "arguments": call.arguments}}
            for call in plan.calls
        ]
    rows = [said]
    for result in step.results:
        seen = [handle for handle in result.media if _visible(trace.media.get(handle, {}))]
        content = [_text(result.observation), *_media(trace, seen, images)]
        rows.append({"role": "tool", "name": result.tool, "tool_call_id": result.call, "content": content})
    return rows


def _media(trace: Trace, handles: Iterable[str], images: list[str]) -> list[Row]:
    """Blocks of media; an image's hash is appended to `images`, where the row's blocks find it by position."""
    blocks = []
    for handle in handles:
        kind = str(trace.media[handle]["kind"])
        if kind == "image":
            images.append(trace.sha_of(handle))
        blocks.append({"type": kind, "handle": handle})
    return blocks


def _visible(record: Row) -> bool:
    return record.get("kind") in ("image", "audio", "video")


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
