"""A conversation as providers take it: media in place of handles, calls that could not be read made readable.

Pictures travel as LangChain's own content blocks, which each provider's package turns into its own form. A tool message
that shows a medium is followed by a user message that holds it, since providers differ on pictures in tool results.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agentmm.media import Audio, Image, MediaStore, Record, Video

MAX_SIDE_PX = 1024
"""Longest side of a picture that is sent."""


class Show:
    """Turns handles into what providers take.

    Args:
        records: handle to record.
        store: where the media lie.
        max_side_px: longest side of a picture that is sent.
    """

    def __init__(self, records: Mapping[str, Record], store: MediaStore, max_side_px: int = MAX_SIDE_PX) -> None:
        self.records, self.store, self.max_side_px = records, store, max_side_px

    def conversation(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """All messages; what tools made follows once the results of a step are complete."""
        shown: list[BaseMessage] = []
        made: list[Any] = []
        for message in messages:
            if not isinstance(message, ToolMessage) and made:
                shown.append(HumanMessage(made))
                made = []
            shown.append(self._message(message, made))
        return [*shown, HumanMessage(made)] if made else shown

    def hashes(self, messages: Sequence[BaseMessage]) -> list[str]:
        """Hashes of the media that are shown since the planner spoke last, in order."""
        last = last_own(messages)
        fresh = messages if last is None else messages[last + 1 :]
        blocks = [block for message in fresh if not isinstance(message.content, str) for block in message.content]
        handles = ((handle_of(block), block) for block in blocks)
        return [self._sha(handle, block) for handle, block in handles if handle is not None]

    def _sha(self, handle: str, block: Any) -> str:
        return str(block.get("sha") or self.records[handle]["sha"])

    def _message(self, message: BaseMessage, made: list[Any]) -> BaseMessage:
        if isinstance(message, AIMessage):
            return _readable(message)
        if isinstance(message.content, str):
            return message
        blocks = [self._block(block) for block in message.content]
        if not isinstance(message, ToolMessage):
            return message.model_copy(update={"content": [part for parts in blocks for part in parts]})
        shown = zip(message.content, blocks, strict=True)
        made += [part for block, parts in shown if handle_of(block) for part in parts]
        return message.model_copy(update={"content": message.text})

    def _block(self, block: Any) -> list[Any]:
        """A block as the provider reads it; a medium is preceded by its handle."""
        handle = handle_of(block)
        if handle is None:
            return [block]
        medium = self.store.get(block.get("sha") or self.records[handle])
        name = {"type": "text", "text": f"{handle}:"}
        if isinstance(medium, Image):
            return [name, picture_block(medium, self.max_side_px)]
        if isinstance(medium, Audio):
            return [{"type": "text", "text": f"{handle}: a clip of {medium.seconds:.1f} s"}]
        if isinstance(medium, Video):
            text = f"{handle}: a video of {medium.seconds:.1f} s, one frame of it:"
            return [{"type": "text", "text": text}, picture_block(medium.frame(medium.seconds / 2), self.max_side_px)]
        return [name]


def last_own(messages: Sequence[BaseMessage]) -> int | None:
    """Where the planner spoke last; demonstrations do not count. None where it has not."""
    own = (
        index
        for index, message in enumerate(messages)
        if isinstance(message, AIMessage) and not message.additional_kwargs.get("example")
    )
    return max(own, default=None)


def handle_of(block: Any) -> str | None:
    """The handle in a content block; None where the block is no medium."""
    if not isinstance(block, Mapping) or block.get("type") not in ("image", "audio", "video"):
        return None
    handle = block.get("file_id")
    return handle if isinstance(handle, str) else None


def _readable(message: AIMessage) -> AIMessage:
    """A turn whose malformed calls have their text as argument: servers refuse arguments that are no JSON.

    They come after the calls that could be read, as everywhere.
    """
    if not message.invalid_tool_calls:
        return message
    malformed = [
        {
            "name": call["name"] or "malformed",
            "args": {"malformed": call["args"] or ""},
            "id": call["id"],
            "type": "tool_call",
        }
        for call in message.invalid_tool_calls
    ]
    return message.model_copy(update={"tool_calls": [*message.tool_calls, *malformed], "invalid_tool_calls": []})


def picture_block(image: Image, max_side_px: int = MAX_SIDE_PX) -> dict[str, Any]:
    """A picture as LangChain's standard block, PNG in base64.

    Args:
        image: any size.
        max_side_px: longest side of what is sent.
    """
    picture = image.to_pil()
    picture.thumbnail((max_side_px, max_side_px))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return {"type": "image", "base64": base64.b64encode(buffer.getvalue()).decode(), "mime_type": "image/png"}
