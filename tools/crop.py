"""Cut a region out of its picture or clip."""

from __future__ import annotations

from typing import Any

from agentmm.media import Audio, Region
from agentmm.tool import tool


@tool(pure=True, isolation="thread", returns=("Image", "Audio"))
def crop(region: Region) -> dict[str, Any]:
    """Cut a region out, to look at it or read it more closely.

    Args:
        region: a box or a time span.
    """
    part = region.cut()
    return {"audio" if isinstance(part, Audio) else "image": part}
