"""Scenes of coloured shapes with their truth: what is where, in which colour and size, and how much of it shows.

A scene is a function of a numpy generator and a difficulty, equal on every machine. Knows no question, tool or model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmm.world.drawing import (
    COLOURS,
    SHAPES,
    SUB,
    Box,
    Cut,
    Stamp,
    background,
    clutter,
    cut,
    paint,
    shade,
    speckle,
    stamp,
    window,
)

SIZES: dict[str, tuple[float, float]] = {"small": (18.0, 30.0), "medium": (40.0, 56.0), "large": (72.0, 100.0)}
"""Mean box side of each size, px of a picture whose shorter side is 256 px; the ranges do not touch."""

DIFFICULTY = 0.5
"""Default difficulty of a scene, 0..1."""

LEAST_VISIBLE = 0.4
"""No shape shows less than this share of itself."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """One shape of a scene.

    Attributes:
        shape: one of `SHAPES`.
        colour: one of `COLOURS`.
        size: `small`, `medium` or `large`.
        box: (x0, y0, x1, y1) of the whole shape, hidden parts included, px.
        centre: middle of the box, px.
        visible: share of its pixels that no later shape covers, 0.4..1.
        z: order of drawing; a higher one lies on top.
    """

    shape: str
    colour: str
    size: str
    box: tuple[float, float, float, float]
    centre: tuple[float, float]
    visible: float
    z: int

    @property
    def name(self) -> str:
        """`red circle`."""
        return f"{self.colour} {self.shape}"

    @property
    def side_px(self) -> float:
        """Mean of the box's height and width, px."""
        return (self.box[2] - self.box[0] + self.box[3] - self.box[1]) / 2


@dataclass(frozen=True)
class Scene:
    """A picture and what it shows; `pixels` is uint8 [H, W, 3], `shapes` are in order of drawing."""

    pixels: Pixels
    shapes: tuple[Shape, ...]
    background: str
    difficulty: float

    @property
    def width(self) -> int:
        """Width, px."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height, px."""
        return int(self.pixels.shape[0])

    def find(self, shape: str | None = None, colour: str | None = None, size: str | None = None) -> tuple[Shape, ...]:
        """The shapes that have every given property, in order of drawing."""
        wanted = {"shape": shape, "colour": colour, "size": size}
        given = {name: value for name, value in wanted.items() if value is not None}
        return tuple(s for s in self.shapes if all(getattr(s, name) == value for name, value in given.items()))

    def count(self, shape: str | None = None, colour: str | None = None, size: str | None = None) -> int:
        """How many shapes have every given property."""
        return len(self.find(shape, colour, size))


def make_scene(
    rng: np.random.Generator,
    difficulty: float = DIFFICULTY,
    *,
    number: int | None = None,
    width: int = 256,
    height: int = 256,
    shapes: Sequence[str] = SHAPES,
    colours: Sequence[str] = tuple(COLOURS),
) -> Scene:
    """Make one scene.

    Args:
        rng: the only source of chance.
        difficulty: 0..1; more overlap, clutter, noise and spread of colour.
        number: how many shapes are wanted, else 1-14 by chance; fewer are placed where there is no room.
        width: px.
        height: px.
        shapes: the shapes that may occur.
        colours: the colours that may occur.

    Returns:
        The scene with its truth.
    """
    wanted = int(rng.integers(1, 15)) if number is None else number
    pixels, kind = background(rng, width, height)
    clutter(rng, pixels, difficulty)
    table = _Table(rng, difficulty, width, height, shapes, colours)
    for size in _sizes(rng, wanted):
        table.place(size)
    for mark, shape in zip(table.stamps, table.shapes, strict=True):
        paint(pixels, mark, shade(rng, shape.colour, 4 + int(16 * difficulty)))
    speckle(rng, pixels, int(rng.integers(0, 1 + int(24 * difficulty))))
    return Scene(pixels, table.finished(), kind, difficulty)


def _sizes(rng: np.random.Generator, number: int) -> list[str]:
    """Sizes of the shapes: the more shapes the fewer large ones; larger ones tend to be laid first."""
    weights = np.cumsum([1.0 + number / 14, 1.3, max(0.3, 1.2 - number / 12)])
    ranks = [int(np.searchsorted(weights, rng.random() * weights[-1], side="right")) for _ in range(number)]
    ranks.sort(key=lambda rank: -rank + 1.6 * float(rng.random()))
    return [tuple(SIZES)[rank] for rank in ranks]


class _Table:
    """Where shapes are laid one on another: keeps who owns each pixel and how much of each still shows."""

    def __init__(
        self,
        rng: np.random.Generator,
        difficulty: float,
        width: int,
        height: int,
        shapes: Sequence[str],
        colours: Sequence[str],
    ) -> None:
        self.rng, self.difficulty, self.width, self.height = rng, difficulty, width, height
        self.names, self.colours = shapes, colours
        self.owner = np.full((height, width), -1, np.int64)
        self.stamps: list[Stamp] = []
        self.shapes: list[Shape] = []
        self.areas: list[int] = []

    def place(self, size: str) -> bool:
        """Try to add one more shape, of the asked size or else smaller; False when no free place was found."""
        shape = self.names[int(self.rng.integers(len(self.names)))]
        colour = self.colours[int(self.rng.integers(len(self.colours)))]
        most_hidden = self._hidden_allowed()
        for attempt in range(30):
            kind = size if attempt < 16 else "small"
            piece = self._candidate(shape, kind, crowd=most_hidden > 0 and attempt < 12)
            mark = None if piece is None else self._fitting(piece, colour, most_hidden)
            if mark is not None:
                self._add(mark, shape, colour, kind)
                return True
        return False

    def finished(self) -> tuple[Shape, ...]:
        """The shapes with the share of each that shows in the end."""
        shown = np.bincount(self.owner[self.owner >= 0], minlength=len(self.shapes))
        ends = [(s, float(shown[i]) / self.areas[i]) for i, s in enumerate(self.shapes)]
        return tuple(Shape(s.shape, s.colour, s.size, s.box, s.centre, round(v, 3), s.z) for s, v in ends)

    def _hidden_allowed(self) -> float:
        """Mostly none; a minority of shapes may cover others, few of them up to the limit."""
        if self.rng.random() >= 0.2 + 0.6 * self.difficulty:
            return 0.0
        draw = float(self.rng.random())
        return (1 - LEAST_VISIBLE) * (draw if self.difficulty >= 0.5 else draw * draw)

    def _candidate(self, shape: str, size: str, crowd: bool) -> Cut | None:
        """A shape at a random place inside the picture; with `crowd`, near one that lies there."""
        scale = min(self.width, self.height) / 256
        low, high = SIZES[size]
        side = scale * (low + (high - low) * float(self.rng.random()))
        x, y = float(self.rng.random()) * self.width, float(self.rng.random()) * self.height
        if crowd and self.shapes:
            near = self.shapes[int(self.rng.integers(len(self.shapes)))]
            reach = (side + near.side_px) * 0.45
            x = near.centre[0] + reach * (2 * float(self.rng.random()) - 1)
            y = near.centre[1] + reach * (2 * float(self.rng.random()) - 1)
        piece = cut(shape, side, (x, y), 50 * float(self.rng.random()) - 25)
        x0, y0, x1, y1 = piece.box
        return piece if x0 >= 1 and y0 >= 1 and x1 <= self.width - 1 and y1 <= self.height - 1 else None

    def _fitting(self, piece: Cut, colour: str, most_hidden: float) -> Stamp | None:
        """The piece's stamp if it hides no more than allowed and touches nothing of its own colour."""
        touched = [i for i, s in enumerate(self.shapes) if _meet(piece.box, s.box, 2.0)]
        if touched and (most_hidden <= 0 or any(self.shapes[i].colour == colour for i in touched)):
            return None
        mark = stamp(piece)
        return mark if all(self._shows(i, mark) >= 1 - most_hidden for i in touched) else None

    def _shows(self, index: int, mark: Stamp) -> float:
        """Share of a shape that still shows when `mark` is laid on top."""
        inside, own = window(mark, self.width, self.height)
        lost = int((self.owner[inside][mark.coverage[own] > SUB * SUB // 2] == index).sum())
        return (int((self.owner == index).sum()) - lost) / self.areas[index]

    def _add(self, mark: Stamp, shape: str, colour: str, size: str) -> None:
        inside, own = window(mark, self.width, self.height)
        solid = mark.coverage[own] > SUB * SUB // 2
        self.owner[inside][solid] = len(self.shapes)
        x0, y0, x1, y1 = mark.box
        self.stamps.append(mark)
        self.areas.append(max(1, int(solid.sum())))
        self.shapes.append(Shape(shape, colour, size, mark.box, ((x0 + x1) / 2, (y0 + y1) / 2), 1.0, len(self.shapes)))


def _meet(a: Box, b: Box, gap: float) -> bool:
    """Whether two boxes come nearer than `gap` px."""
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap
