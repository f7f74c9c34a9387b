"""Name the main colour of a thing."""

from __future__ import annotations

from typing import TypedDict

from agentmm.media import Image
from agentmm.tool import tool
from agentmm.tool.colour import thing_colour


class Measured(TypedDict):
    """The colour's name, its median (red, green, blue) 0..255, and its share of the thing, 0..1."""

    colour: str
    rgb: list[int]
    share: float


@tool(pure=True, isolation="thread")
def measure_colour(image: Image) -> Measured:
    """Name the main colour of the thing in the middle of a picture or region.

    Args:
        image: a picture, or a region around the thing.
    """
    found = thing_colour(image.pixels)
    if found is None:
        raise AssertionError("a picture has pixels")
    return {"colour": found.name, "rgb": list(found.rgb), "share": round(found.share, 2)}
