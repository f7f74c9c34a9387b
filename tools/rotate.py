"""Turn a picture."""

from __future__ import annotations

from agentmm.media import Image
from agentmm.media import rotate as rotated
from agentmm.tool import tool


@tool(pure=True, isolation="thread", cost=0.05)
def rotate(image: Image, degrees: float) -> dict[str, Image]:
    """Turn a picture or region counter-clockwise; negative degrees turn it clockwise.

    Args:
        image: a picture or a region.
        degrees: the angle.
    """
    return {"image": rotated(image, degrees)}
