"""The input of a graph for a new question."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import HumanMessage

from agentmm.media import Record
from agentmm.state.settings import Settings

_BLOCKS = {"image": "image", "audio": "audio", "video": "video"}


def begin(
    question: str,
    media: Mapping[str, Record] | None = None,
    *,
    trace: str | None = None,
    settings: Settings | None = None,
    gated: Iterable[str] = (),
    examples: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What a graph is invoked with; in a thread that goes on, only the media that are new.

    Args:
        question: in words.
        media: handle to record, as `MediaStore.add` gave them.
        trace: id of the trace; a fresh one where None.
        settings: budgets and seed.
        gated: tools whose calls wait for a person.
        examples: messages of demonstrations that the planner is shown before the question.
    """
    records = dict(media or {})
    blocks: list[str | dict[str, Any]] = [
        {"type": _BLOCKS[record["kind"]], "file_id": handle}
        for handle, record in records.items()
        if record["kind"] in _BLOCKS
    ]
    message = HumanMessage([*blocks, {"type": "text", "text": question}])
    counters = dict.fromkeys(("steps", "calls", "errors", "tokens", "status", "reason", "answer"))
    return {
        "messages": [message],
        "media": records,
        "question": question,
        "trace": trace or secrets.token_hex(8),
        "settings": (settings or Settings()).model_dump(),
        "started": time.time(),
        "gated": sorted(gated),
        "examples": [dict(message) for message in examples],
        "approved": [],
        "denied": [],
        **counters,
    }
