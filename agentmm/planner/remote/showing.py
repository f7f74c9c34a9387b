"""A conversation as providers take it: media in place of handles, calls that could not be read made readable.

Pictures travel as LangChain's own content blocks, which each provider's package turns into its own form, unless they
travel otherwise (`travelling`). A tool message that shows a medium is followed by a user message that holds it, since
providers differ on pictures in tool results.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agentmm.media import Audio, Image, MediaStore, Record, Video

MAX_SIDE_PX = 1024
"""Longest side of a picture that is sent."""

_HELD = "picture"
"""Key of a block that holds a `Picture`."""


@dataclass(frozen=True)
class Picture:
    """A picture in a conversation before it is known how it travels.

    Attributes:
        what: what is sent, told by hash: equal for pictures of equal bytes.
        image: any size.
        max_side_px: longest side of what is sent.
    """

    what: str
    image: Image
    max_side_px: int = MAX_SIDE_PX

    def png(self) -> bytes:
        """What is sent."""
        return _png(self.image, self.max_side_px)

    def as_data(self) -> dict[str, Any]:
        """LangChain's standard block, PNG in base64."""
        return picture_block(self.image, self.max_side_px)


class Show:
    """Turns handles into what providers take; pictures stay `Picture`s, which `filled` replaces.

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
            return [name, self._picture(handle, block, "", medium)]
        if isinstance(medium, Audio):
            return [{"type": "text", "text": f"{handle}: a clip of {medium.seconds:.1f} s"}]
        if isinstance(medium, Video):
            text = f"{handle}: a video of {medium.seconds:.1f} s, one frame of it:"
            frame = medium.frame(medium.seconds / 2)
            return [{"type": "text", "text": text}, self._picture(handle, block, " middle", frame)]
        return [name]

    def _picture(self, handle: str, block: Any, part: str, image: Image) -> dict[str, Any]:
        what = f"{self._sha(handle, block)}{part} {self.max_side_px}"
        return {"type": "image", _HELD: Picture(what, image, self.max_side_px)}


def pictures_in(messages: Sequence[BaseMessage]) -> list[Picture]:
    """The pictures of a conversation that `Show` made, in order."""
    return [block[_HELD] for message in messages for block in _blocks(message) if _HELD in block]


def filled(messages: Sequence[BaseMessage], block_of: Callable[[Picture], dict[str, Any]]) -> list[BaseMessage]:
    """A conversation that `Show` made, with blocks in place of its pictures.

    Args:
        messages: the conversation.
        block_of: a picture -> the block that travels.
    """
    return [_filled(message, block_of) for message in messages]


def _filled(message: BaseMessage, block_of: Callable[[Picture], dict[str, Any]]) -> BaseMessage:
    blocks = _blocks(message)
    if not any(_HELD in block for block in blocks):
        return message
    return message.model_copy(update={"content": [block_of(b[_HELD]) if _HELD in b else b for b in blocks]})


def _blocks(message: BaseMessage) -> list[Any]:
    return [] if isinstance(message.content, str) else list(message.content)


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
    data = base64.b64encode(_png(image, max_side_px)).decode()
    return {"type": "image", "base64": data, "mime_type": "image/png"}


def _png(image: Image, max_side_px: int) -> bytes:
    picture = image.to_pil()
    picture.thumbnail((max_side_px, max_side_px))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
