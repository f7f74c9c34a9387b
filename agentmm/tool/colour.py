"""Names for colours and the colour of a thing on a background; numpy alone, no media, no tool.

The names are the everyday ones; the borders between them lie in hue, saturation and value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PALETTE = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey")
"""Every name that `name_colour` can give; the position is the index of `colour_index`."""

_HUE_ENDS = (14.0, 44.0, 68.0, 178.0, 258.0, 290.0, 345.0)
_HUE_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "red")
_HUES = np.array([PALETTE.index(name) for name in _HUE_NAMES], dtype=np.int64)


@dataclass(frozen=True)
class Colour:
    """The colour of a thing.

    Attributes:
        name: one of `PALETTE`.
        rgb: median of the pixels of that name, 0..255.
        share: their share of the pixels looked at, 0..1.
    """

    name: str
    rgb: tuple[int, int, int]
    share: float


def name_colour(rgb: NDArray[np.generic]) -> NDArray[np.str_]:
    """Name every pixel.

    Args:
        rgb: [..., 3], 0..255.

    Returns:
        [...] names from `PALETTE`; `name_colour([[250, 0, 0]])` is `["red"]`.
    """
    return np.array(PALETTE)[colour_index(rgb)]


def colour_index(rgb: NDArray[np.generic]) -> NDArray[np.int64]:
    """Like `name_colour`, with positions in `PALETTE` instead of names: [..., 3] -> [...]."""
    pixels = np.asarray(rgb, dtype=np.float32)
    value, chroma = pixels.max(-1), np.ptp(pixels, axis=-1)
    saturation = chroma / np.maximum(value, 1.0)
    hue = _hue(pixels, value, chroma)
    index = _HUES[np.searchsorted(_HUE_ENDS, hue, side="right")]
    _shades(index, hue, saturation, value)
    pale = (saturation < 0.16) | (chroma < 26) | ((value > 215) & (chroma < 40))
    index[pale] = PALETTE.index("grey")
    index[pale & (value > 200)] = PALETTE.index("white")
    index[(value < 56) | ((value < 80) & (pale | (chroma < 44)))] = PALETTE.index("black")
    return index


def _hue(pixels: NDArray[np.float32], value: NDArray[np.float32], chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hue in degrees, 0..360; 0 where there is no chroma."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    safe = np.maximum(chroma, 1e-6)
    sector = np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    sector = np.where(value == red, ((green - blue) / safe) % 6, sector)
    return np.where(chroma > 0, 60 * sector, 0).astype(np.float32)


def _shades(
    index: NDArray[np.int64], hue: NDArray[np.float32], saturation: NDArray[np.float32], value: NDArray[np.float32]
) -> None:
    """Give dark orange, light red, dull dark red, dark pink and dark yellow their own names, in place."""
    reddish, orange = (hue < 14) | (hue >= 345), (hue >= 14) & (hue < 44)
    index[reddish & (saturation < 0.55) & (value >= 170)] = PALETTE.index("pink")
    index[reddish & (saturation < 0.65) & (value < 130)] = PALETTE.index("brown")
    index[(hue >= 7) & (hue < 14) & (saturation < 0.85) & (value < 150)] = PALETTE.index("brown")
    index[orange & ((value < 178) | ((saturation < 0.45) & (value < 222)))] = PALETTE.index("brown")
    index[(hue >= 290) & (hue < 330) & (value < 170)] = PALETTE.index("purple")
    yellow = (hue >= 44) & (hue < 68)
    index[yellow & (hue < 55) & (value < 150)] = PALETTE.index("brown")
    index[yellow & (hue >= 55) & (value < 130)] = PALETTE.index("green")


def main_colour(pixels: NDArray[np.uint8], use: NDArray[np.bool_] | None = None) -> Colour | None:
    """The most frequent name among pixels.

    Args:
        pixels: [..., 3], 0..255.
        use: [...] which pixels count; all when None.

    Returns:
        The colour, or None when no pixel counts.
    """
    chosen = pixels.reshape(-1, 3) if use is None else pixels[use]
    if not len(chosen):
        return None
    index = colour_index(chosen)
    best = int(np.bincount(index, minlength=len(PALETTE)).argmax())
    same = chosen[index == best]
    red, green, blue = (round(float(v)) for v in np.median(same, axis=0))
    return Colour(PALETTE[best], (red, green, blue), len(same) / len(chosen))


def thing_colour(pixels: NDArray[np.uint8], use: NDArray[np.bool_] | None = None) -> Colour | None:
    """The colour of the thing in the middle of a picture that was cut to it.

    Pixels like a corner's are background, unless they also fill the very middle (a box that a square fills).

    Args:
        pixels: [H, W, 3], 0..255.
        use: [H, W] pixels that may count (others belong to something else); all when None.

    Returns:
        The colour, or None when no pixel may count.
    """
    usable = np.ones(pixels.shape[:2], dtype=bool) if use is None else use
    central = usable & _middle(pixels.shape, 0.86)
    if not central.any():
        central = usable
    thing = central & ~_background(pixels, usable)
    if thing.sum() < 0.1 * central.sum():
        thing = central
    return main_colour(pixels, thing)


def _middle(shape: tuple[int, ...], share: float) -> NDArray[np.bool_]:
    """[H, W] mask of the central rectangle whose sides are `share` of the whole; at least one pixel."""
    height, width = shape[:2]
    down, right = int(height * (1 - share) / 2), int(width * (1 - share) / 2)
    mask = np.zeros((height, width), dtype=bool)
    mask[down : height - down, right : width - right] = True
    return mask


def _background(pixels: NDArray[np.uint8], usable: NDArray[np.bool_], near: float = 42.0) -> NDArray[np.bool_]:
    """[H, W] mask of pixels within `near` (RGB distance) of a corner's colour that does not fill the middle."""
    height, width = pixels.shape[:2]
    tall, wide = max(1, height // 10), max(1, width // 10)
    core = usable & _middle(pixels.shape, 0.3)
    found = np.zeros((height, width), dtype=bool)
    values = pixels.astype(np.float32)
    for rows in (slice(0, tall), slice(height - tall, height)):
        for columns in (slice(0, wide), slice(width - wide, width)):
            corner = np.median(values[rows, columns].reshape(-1, 3), axis=0)
            like = np.square(values - corner).sum(-1) < near * near
            if not core.any() or like[core].mean() < 0.5:
                found |= like
    return found
