"""Where a view lies in what it was made from: affine maps of the plane, linear maps of time, and chains of both.

Coordinates are continuous pixels: pixel (i, j) covers [i, i+1) x [j, j+1), x to the right and y down. A map is six
floats (a, b, c, d, e, f): x' = a x + b y + c, y' = d x + e y + f. Time maps are (scale, offset): t' = scale t + offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentmm.errors import MediaError

Affine = tuple[float, float, float, float, float, float]
TimeMap = tuple[float, float]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
Span = tuple[float, float]

IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAME_TIME: TimeMap = (1.0, 0.0)


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first and `outer` to its result."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (a * g + b * j, a * h + b * k, a * i + b * m + c, d * g + e * j, d * h + e * k, d * i + e * m + f)


def apply(matrix: Affine, point: Point) -> Point:
    """The image of one point."""
    a, b, c, d, e, f = matrix
    x, y = point
    return (a * x + b * y + c, d * x + e * y + f)


def corners(box: Box) -> tuple[Point, Point, Point, Point]:
    """Corners of an xyxy box: top left, top right, bottom right, bottom left."""
    x0, y0, x1, y1 = box
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def bounds(points: Iterable[Point]) -> Box:
    """The smallest axis-aligned box around the points."""
    xs, ys = zip(*points, strict=True)
    return (min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True)
class Step:
    """One view step: the map from this medium's coordinates to its parent's.

    Attributes:
        op: what made the view (`crop`, `zoom`, `rotate`, `slice`, `frame`, ...).
        matrix: affine map of pixels.
        time: (scale, offset) of seconds.
    """

    op: str
    matrix: Affine = IDENTITY
    time: TimeMap = SAME_TIME

    def to_json(self) -> dict[str, Any]:
        """JSON form, exact."""
        return {"op": self.op, "matrix": list(self.matrix), "time": list(self.time)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        """The step that `to_json` wrote.

        Raises:
            MediaError: a number is missing or no number.
        """
        try:
            a, b, c, d, e, f = (float(x) for x in data["matrix"])
            scale, offset = (float(x) for x in data["time"])
            return cls(str(data["op"]), (a, b, c, d, e, f), (scale, offset))
        except (KeyError, TypeError, ValueError) as error:
            raise MediaError(
                "a transform step is malformed", got=data, expected="op, six numbers, two numbers"
            ) from error


@dataclass(frozen=True)
class Origin:
    """Where a medium comes from.

    Attributes:
        source: hash of the medium at the far end of the chain.
        chain: steps from this medium towards the source; `chain[0]` leads to the parent. Empty: this is the source.
    """

    source: str
    chain: tuple[Step, ...] = ()

    def to_json(self) -> list[Any]:
        """JSON form, exact: the source, then the steps."""
        return [self.source, [step.to_json() for step in self.chain]]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Origin:
        """The origin that `to_json` wrote."""
        source, chain = data
        return cls(source, tuple(Step.from_json(step) for step in chain))

    @property
    def matrix(self) -> Affine:
        """The map from this medium's pixels to the source's."""
        total = IDENTITY
        for step in self.chain:
            total = compose(step.matrix, total)
        return total

    @property
    def time(self) -> TimeMap:
        """The map from this medium's seconds to the source's."""
        scale, offset = SAME_TIME
        for step in self.chain:
            scale, offset = scale * step.time[0], offset * step.time[0] + step.time[1]
        return (scale, offset)

    def then(self, step: Step) -> Origin:
        """The origin of a view made from this medium by `step`."""
        return Origin(self.source, (step, *self.chain))

    def polygon(self, box: Box) -> tuple[Point, Point, Point, Point]:
        """The four corners of a box of this medium, exactly, in source pixels."""
        a, b, c, d = (apply(self.matrix, corner) for corner in corners(box))
        return (a, b, c, d)

    def box(self, box: Box) -> Box:
        """The axis-aligned bounds, in source pixels, of a box of this medium."""
        return bounds(self.polygon(box))

    def span(self, span: Span) -> Span:
        """A time span of this medium in source seconds."""
        scale, offset = self.time
        first, second = scale * span[0] + offset, scale * span[1] + offset
        return (min(first, second), max(first, second))
