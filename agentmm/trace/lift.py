"""Lifts inline media out of foreign messages: base64 goes to the media store, a handle stays in the trace."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any

from agentmm.errors import AgentmmError
from agentmm.media.store import MediaStore

Block = dict[str, Any]
_KINDS = ("image", "audio", "video")


class Lifter:
    """Media of one run: equal bytes get one handle, numbered per kind from 1.

    Args:
        store: gives the media store, called when the first medium is met.
        records: handle to record, shared with the run; filled here.
    """

    def __init__(self, store: Callable[[], MediaStore], records: dict[str, dict[str, Any]]) -> None:
        self._store, self.records = store, records
        self._known: dict[bytes, Block] = {}

    def text(self, content: Any) -> tuple[str, list[str]]:
        """A message's content as one text, and the handles of the media in it, in order."""
        if isinstance(content, str):
            return content, []
        parts, handles = [], []
        for block in content if isinstance(content, list) else [content]:
            lifted = self.block(block)
            if handle := lifted.get("file_id"):
                handles.append(handle)
            else:
                parts.append(str(lifted.get("text", "")))
        return "\n".join(part for part in parts if part), handles

    def block(self, block: Any) -> Block:
        """One content block without inline bytes: a handle block, or a text block."""
        if isinstance(block, str):
            return {"type": "text", "text": block}
        if not isinstance(block, dict):
            return {"type": "text", "text": str(block)}
        if block.get("file_id"):
            return {"type": block.get("type", "image"), "file_id": block["file_id"]}
        if block.get("type") in ("text", "output_text"):
            return {"type": "text", "text": str(block.get("text", ""))}
        if url := remote_url(block):
            return {"type": "text", "text": f"[{url[:200]}]"}
        data = inline_data(block)
        if data is None:
            return {"type": "text", "text": ""}
        return self._lifted(data)

    def _lifted(self, data: str) -> Block:
        key = hashlib.sha256(data.encode()).digest()
        if key not in self._known:
            self._known[key] = self._stored(data)
        return self._known[key]

    def _stored(self, data: str) -> Block:
        """A foreign run must not end because its medium is odd: what cannot be kept is said so."""
        try:
            record = dict(self._store().add_bytes(base64.b64decode(data, validate=False)))
        except (AgentmmError, binascii.Error, OSError) as error:
            return {"type": "text", "text": f"[medium not kept: {error}]"}
        for handle, known in self.records.items():
            if known.get("sha") == record["sha"]:
                return {"type": record["kind"], "file_id": handle}
        kind = record["kind"]
        handle = f"{kind}_{1 + sum(known.get('kind') == kind for known in self.records.values())}"
        self.records[handle] = record
        return {"type": kind, "file_id": handle}


def inline_data(block: Block) -> str | None:
    """The base64 text in a content block of any of the four common shapes; None where there is none."""
    for key in ("image_url", "video_url", "audio_url"):
        value = block.get(key)
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str) and url.startswith("data:"):
            return url.partition(",")[2]
    source = block.get("source") or block.get("input_audio")
    if isinstance(source, dict) and isinstance(source.get("data"), str):
        return source["data"]
    if block.get("type") in _KINDS:
        data = block.get("base64") or block.get("data")
        url = block.get("url")
        if isinstance(url, str) and url.startswith("data:"):
            return url.partition(",")[2]
        return data if isinstance(data, str) else None
    return None


def remote_url(block: Block) -> str | None:
    """The address in a content block that names its medium by URL; None for inline data."""
    for key in ("image_url", "video_url", "audio_url", "url"):
        value = block.get(key)
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str) and not url.startswith("data:"):
            return url
    return None
