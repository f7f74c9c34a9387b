"""The typefaces of the practice world, read from files inside the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FOLDER = Path(__file__).resolve().parent.parent / "fonts"
FONTS: dict[str, str] = {
    "DejaVu Sans": "DejaVuSans.ttf",
    "DejaVu Serif": "DejaVuSerif.ttf",
    "DejaVu Sans Mono": "DejaVuSansMono.ttf",
    "Arimo": "Arimo-Regular.ttf",
    "Tinos": "Tinos-Regular.ttf",
    "Cousine": "Cousine-Regular.ttf",
    "Open Sans": "OpenSans-Regular.ttf",
    "Open Sans Bold": "OpenSans-Bold.ttf",
    "Roboto": "Roboto-Regular.ttf",
    "Roboto Condensed": "RobotoCondensed-Regular.ttf",
    "Roboto Slab": "RobotoSlab-Regular.otf",
    "Noto Sans": "NotoSans-Regular.ttf",
    "Noto Serif": "NotoSerif-Regular.ttf",
    "Noto Serif Bold": "NotoSerif-Bold.ttf",
}


@lru_cache(maxsize=512)
def sized(name: str, em_px: int) -> ImageFont.FreeTypeFont:
    """A typeface at a size in px of the em square.

    The basic layout engine is asked for by name: the other one is not in every build of Pillow and kerns differently.

    Raises:
        KeyError: `name` is not one of `FONTS`.
    """
    return ImageFont.truetype(FOLDER / FONTS[name], em_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def for_height(name: str, text_px: int) -> ImageFont.FreeTypeFont:
    """The typeface at the size whose text is `text_px` high from the top of `H` to the bottom of `g`."""
    em_px = text_px
    while _height(name, em_px) < text_px:
        em_px += 1
    while _height(name, em_px) > text_px and em_px > 1:
        em_px -= 1
    return sized(name, em_px)


def _height(name: str, em_px: int) -> int:
    _, top, _, bottom = sized(name, em_px).getbbox("Hg")
    return round(bottom - top)
