"""Tell the plain facts of a medium: its kind, size or length."""

from __future__ import annotations

from typing import Any

from agentmm.media import Audio, Image, Video
from agentmm.tool import tool


@tool(pure=True, isolation="thread", returns=("Text", "Number"))
def describe_media(media: Image | Audio | Video) -> dict[str, Any]:
    """Tell what a medium is: kind, width and height in pixels, or seconds.

    Args:
        media: a picture, region, clip or video.
    """
    if isinstance(media, Image):
        return {"kind": "image", "width": media.width, "height": media.height}
    if isinstance(media, Audio):
        return {"kind": "audio", "seconds": round(media.seconds, 3), "rate_hz": media.rate_hz}
    return {"kind": "video", "width": media.width, "height": media.height, "seconds": round(media.seconds, 3)}
