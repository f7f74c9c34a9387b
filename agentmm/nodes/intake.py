"""Media on their way in: whatever an app has becomes a record in the store."""

from __future__ import annotations

import os
from typing import Any

from agentmm.errors import MediaError
from agentmm.media import Audio, Image, MediaStore, Record, Video

_EXPECTED = "a path, bytes, a PIL image, an RGB array or an Image, Audio or Video of agentmm"


def take_in(item: Any, store: MediaStore, number: int = 1) -> Record:
    """Store one medium and give its record.

    Args:
        item: path, bytes of a file, PIL image, uint8 array [H, W, 3], or a media object.
        store: where it goes.
        number: which of a question's media it is, from 1: errors call bytes so.

    Raises:
        MediaError: it is unusable, or nothing of the kind.
    """
    if isinstance(item, str | os.PathLike):
        return store.add_file(item)
    if isinstance(item, bytes | bytearray | memoryview):
        return store.add_bytes(bytes(item), f"medium {number} (bytes)")
    if isinstance(item, Image | Audio | Video):
        return store.add(item)
    if hasattr(item, "__array__") and not hasattr(item, "mode"):
        return store.add(Image(item))
    if hasattr(item, "mode") and hasattr(item, "tobytes"):
        return store.add(Image.from_pil(item))
    raise MediaError("not a medium", got=item, expected=_EXPECTED)
