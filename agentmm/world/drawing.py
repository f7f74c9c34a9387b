"""Draws shapes and backgrounds with integers alone, so that pictures are equal on every machine.

Vertices are rounded to sub-pixels once; everything after that is integer arithmetic in numpy. Knows no
question, no scene and no other room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUB = 4
"""Sub-pixels a side: coverage has SUB * SUB + 1 levels."""

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
"""The shapes, in the order of the detector's classes."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "orange": (245, 138, 22),
    "yellow": (242, 218, 45),
    "green": (44, 158, 66),
    "blue": (42, 90, 214),
    "purple": (128, 54, 178),
    "pink": (246, 134, 186),
    "brown": (122, 74, 38),
    "black": (24, 24, 28),
}
"""The colours' central values, RGB 0..255."""

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rng = np.random.Generator
Box = tuple[float, float, float, float]


def _regular(corners: int, inner: float | None = None) -> list[tuple[float, float]]:
    """Corners of a regular polygon with its tip up; with `inner`, a star with that inner radius."""
    steps = corners if inner is None else 2 * corners
    radius = [1.0 if inner is None or k % 2 == 0 else inner for k in range(steps)]
    angles = [2 * math.pi * k / steps for k in range(steps)]
    return [(r * math.sin(a), -r * math.cos(a)) for a, r in zip(angles, radius, strict=True)]


_ARM = 0.36
_LOBE = (0.5, -0.3, 0.54)  # x, y and radius of a heart's right lobe
_POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
    "triangle": _regular(3),
    "star": _regular(5, 0.42),
    "cross": [
        (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM),
        (_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
    ],
    "heart": [(-0.97, -0.05), (-0.5, -0.55), (0.0, -0.42), (0.5, -0.55), (0.97, -0.05), (0.0, 1.0)],
}  # fmt: skip


@dataclass(frozen=True)
class Stamp:
    """A rasterised shape: coverage 0..SUB*SUB of each pixel of a patch, and where the patch lies.

    Attributes:
        coverage: uint8 [h, w].
        left: the patch's first column in the picture, px.
        top: the patch's first row in the picture, px.
        box: exact extent (x0, y0, x1, y1) in the picture, px.
    """

    coverage: Pixels
    left: int
    top: int
    box: Box


def _turned(points: list[tuple[float, float]], degrees: float) -> list[tuple[float, float]]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]


def _outline(shape: str, degrees: float) -> tuple[list[tuple[float, float]], list[tuple[float, float, float]]]:
    """A unit shape turned by `degrees`: its polygon and its discs (x, y, radius)."""
    polygon = _turned(_POLYGONS.get(shape, []), degrees)
    x, y, radius = _LOBE
    lobes = {"circle": [(0.0, 0.0)], "heart": [(-x, y), (x, y)]}.get(shape, [])
    return polygon, [(px, py, 1.0 if shape == "circle" else radius) for px, py in _turned(lobes, degrees)]


def _extent(polygon: list[tuple[float, float]], discs: list[tuple[float, float, float]]) -> Box:
    xs = [x for x, _ in polygon] + [x + s * r for x, _, r in discs for s in (-1, 1)]
    ys = [y for _, y in polygon] + [y + s * r for _, y, r in discs for s in (-1, 1)]
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class Cut:
    """A shape set to size and place but not yet rasterised; coordinates and box are in px of the picture."""

    polygon: tuple[tuple[float, float], ...]
    discs: tuple[tuple[float, float, float], ...]
    box: Box


def cut(shape: str, side_px: float, centre: tuple[float, float], degrees: float = 0.0) -> Cut:
    """Set one shape to size and place.

    Args:
        shape: one of `SHAPES`.
        side_px: mean of the height and width of the shape's box, px.
        centre: middle of the shape's box in the picture, px.
        degrees: clockwise turn.
    """
    polygon, discs = _outline(shape, degrees)
    x0, y0, x1, y1 = _extent(polygon, discs)
    scale = 2 * side_px / (x1 - x0 + y1 - y0)
    dx, dy = centre[0] - scale * (x0 + x1) / 2, centre[1] - scale * (y0 + y1) / 2
    box = (scale * x0 + dx, scale * y0 + dy, scale * x1 + dx, scale * y1 + dy)
    corners = tuple((scale * x + dx, scale * y + dy) for x, y in polygon)
    return Cut(corners, tuple((scale * x + dx, scale * y + dy, scale * r) for x, y, r in discs), box)


def stamp(piece: Cut) -> Stamp:
    """Rasterise a cut shape; its box is kept."""
    left, top = math.floor(piece.box[0]), math.floor(piece.box[1])
    width, height = math.ceil(piece.box[2]) - left + 1, math.ceil(piece.box[3]) - top + 1
    # Vertices sit on half sub-pixels and sample points on odd numbers, so that ties are decided once, by integers.
    mask = _fill([(_half_sub(x - left), _half_sub(y - top)) for x, y in piece.polygon], width * SUB, height * SUB)
    for x, y, radius in piece.discs:
        _disc(mask, _half_sub(x - left), _half_sub(y - top), _half_sub(radius))
    coverage = _pooled(mask)
    return Stamp(coverage, left, top, piece.box)


def _pooled(mask: NDArray[np.bool_]) -> Pixels:
    """Sum the sub-pixels of each pixel; bool [SUB*h, SUB*w] -> uint8 [h, w]."""
    rows = mask.view(np.uint8)
    rows = sum((rows[k::SUB] for k in range(1, SUB)), start=rows[0::SUB])
    return sum((rows[:, k::SUB] for k in range(1, SUB)), start=rows[:, 0::SUB])


def _half_sub(value: float) -> int:
    return round(value * 2 * SUB)


def _fill(points: list[tuple[int, int]], width: int, height: int) -> NDArray[np.bool_]:
    """Even-odd fill at sample points (2i+1, 2j+1); bool [height, width]."""
    mask = np.zeros((height, width), dtype=bool)
    columns = np.arange(1, 2 * width, 2, dtype=np.int16)[None, :]
    for (xa, ya), (xb, yb) in zip(points, points[1:] + points[:1], strict=True):
        if ya == yb:
            continue
        if ya > yb:
            xa, ya, xb, yb = xb, yb, xa, ya
        first, last = max(0, ya // 2), min(height, yb // 2)
        rows = np.arange(2 * first + 1, 2 * last + 1, 2, dtype=np.int64)
        cross = xa + (rows - ya) * (xb - xa) // (yb - ya)
        mask[first:last] ^= columns > cross.astype(np.int16)[:, None]
    return mask


def _disc(mask: NDArray[np.bool_], x: int, y: int, radius: int) -> None:
    """Set the sample points of a disc."""
    height, width = mask.shape
    columns = (np.arange(1, 2 * width, 2, dtype=np.int32) - x) ** 2
    rows = (np.arange(1, 2 * height, 2, dtype=np.int32) - y) ** 2
    mask |= columns[None, :] <= (radius * radius - rows)[:, None]


def window(mark: Stamp, width: int, height: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the part of a stamp inside a picture: (rows, columns) of the picture and of the stamp."""
    rows, columns = mark.coverage.shape
    y0, y1 = max(0, mark.top), min(height, mark.top + rows)
    x0, x1 = max(0, mark.left), min(width, mark.left + columns)
    inside = (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))
    rows_in, columns_in = inside
    own_rows = slice(rows_in.start - mark.top, rows_in.stop - mark.top)
    return inside, (own_rows, slice(columns_in.start - mark.left, columns_in.stop - mark.left))


def paint(pixels: Pixels, mark: Stamp, colour: tuple[int, int, int]) -> None:
    """Blend a stamp of one colour into a picture, in place."""
    inside, own = window(mark, pixels.shape[1], pixels.shape[0])
    share = mark.coverage[own].astype(np.int32)[:, :, None]
    under = pixels[inside].astype(np.int32)
    full = SUB * SUB
    mixed = under * (full - share) + np.asarray(colour, np.int32) * share + full // 2
    pixels[inside] = (mixed // full).astype(np.uint8)


def pale(rng: Rng, low: int = 196) -> tuple[int, int, int]:
    """A light grey or pastel: every channel at least `low`, so it is never one of `COLOURS`."""
    level = int(rng.integers(low + 24, 256))
    spread = 0 if rng.random() < 0.4 else 24
    channels = [min(255, max(low, level - int(rng.integers(0, spread + 1)))) for _ in range(3)]
    return channels[0], channels[1], channels[2]


def background(rng: Rng, width: int, height: int) -> tuple[Pixels, str]:
    """A plain pale background or a linear gradient of two pale colours.

    Returns:
        uint8 [H, W, 3] and its kind, `plain` or `gradient`.
    """
    first = pale(rng)
    pixels = np.empty((height, width, 3), np.uint8)
    if rng.random() < 0.45:
        pixels[:] = first
        return pixels, "plain"
    second = pale(rng)
    across, down = int(rng.integers(-3, 4)), int(rng.integers(-3, 4)) or 1
    ramp = across * np.arange(width, dtype=np.int64)[None, :] + down * np.arange(height, dtype=np.int64)[:, None]
    ramp -= ramp.min()
    share = (ramp * 256 // max(1, int(ramp.max())))[:, :, None]
    pixels[:] = (np.asarray(first) * (256 - share) + np.asarray(second) * share) // 256
    return pixels, "gradient"


def clutter(rng: Rng, pixels: Pixels, amount: float) -> None:
    """Draw pale lines, dots and blots over a background, in place; `amount` 0..1 is how many."""
    height, width = pixels.shape[:2]
    for _ in range(int(rng.integers(0, 2 + int(10 * amount)))):
        tone = _tone(rng)
        where = (float(rng.random()) * width, float(rng.random()) * height)
        kind = rng.random()
        if kind < 0.45:
            _line(pixels, rng, where, tone)
        elif kind < 0.8:
            paint(pixels, stamp(cut("circle", 2 + 5 * float(rng.random()), where)), tone)
        else:
            sheet = cut("square", 20 + 70 * float(rng.random()), where, 90 * float(rng.random()))
            paint(pixels, stamp(sheet), pale(rng, 205))


def _tone(rng: Rng) -> tuple[int, int, int]:
    level = int(rng.integers(140, 205))
    return level + int(rng.integers(0, 25)), level + int(rng.integers(0, 25)), level + int(rng.integers(0, 25))


def _line(pixels: Pixels, rng: Rng, start: tuple[float, float], tone: tuple[int, int, int]) -> None:
    """A thin line, 1 or 2 px wide, of any direction."""
    height, width = pixels.shape[:2]
    x0, y0 = int(start[0]), int(start[1])
    x1, y1 = int(rng.integers(0, width)), int(rng.integers(0, height))
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    along = np.arange(steps + 1, dtype=np.int64)
    xs, ys = x0 + along * (x1 - x0) // steps, y0 + along * (y1 - y0) // steps
    pixels[ys, xs] = tone
    if rng.random() < 0.5:
        pixels[ys, np.minimum(xs + 1, width - 1)] = tone


def speckle(rng: Rng, pixels: Pixels, amount: int) -> None:
    """Add noise, uniform in -amount..amount and equal in the three channels up to 1, in place."""
    if amount < 1:
        return
    noise = rng.integers(-amount, amount + 1, size=pixels.shape[:2], dtype=np.int16)
    pixels[:] = np.clip(pixels.astype(np.int16) + noise[:, :, None], 0, 255).astype(np.uint8)


def shade(rng: Rng, colour: str, spread: int) -> tuple[int, int, int]:
    """A shade of a named colour: each channel within `spread` of the central value."""
    channels = [min(255, max(0, c + int(rng.integers(-spread, spread + 1)))) for c in COLOURS[colour]]
    return channels[0], channels[1], channels[2]
