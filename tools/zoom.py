"""Enlarge a picture or region."""

from __future__ import annotations

from agentmm.errors import ToolError
from agentmm.media import Image
from agentmm.media import zoom as zoomed
from agentmm.tool import tool

SMALLEST, LARGEST = 0.1, 16.0


@tool(pure=True, isolation="thread", cost=0.05)
def zoom(image: Image, factor: float) -> dict[str, Image]:
    """Enlarge a picture or region, to see small things.

    Args:
        image: a picture or a region.
        factor: how many times as large; below 1 it is made smaller.
    """
    if not SMALLEST <= factor <= LARGEST:
        raise ToolError("cannot zoom", got=factor, expected=f"a factor in {SMALLEST:g}..{LARGEST:g}")
    return {"image": zoomed(image, factor)}
