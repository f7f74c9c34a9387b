"""Regions: a part of a picture or a clip that knows where it lies in the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from agentmm.errors import MediaError
from agentmm.media.audio import Audio
from agentmm.media.geometry import Box, Origin, Point, Span
from agentmm.media.image import Image, Mask
from agentmm.media.kinds import Media


@dataclass(frozen=True)
class Region(Media):
    """A box, a mask or a time span of the medium that a tool was given.

    Attributes:
        kind: `box`, `mask` or `span`.
        box: (x0, y0, x1, y1) floats in pixels of that picture.
        span: (start, end) in seconds of that clip.
        mask: which pixels, of the size of that picture.
        label: what was found.
        text: the line the planner reads after the handle.
        score: confidence in 0..1, None where the tool has none.
        attributes: JSON values an app may want (colour, size, confidence parts, ...).
        origin: origin of the medium the tool was given.
        image: that picture itself, where at hand; never stored with the region.

    Raises:
        MediaError: the kind's own field is missing, or a box or span is upside down or not finite.
    """

    modality: ClassVar[str] = "Region"

    kind: Literal["box", "mask", "span"] = "box"  # pyright: ignore[reportIncompatibleVariableOverride]  # differs by region
    box: Box | None = None
    span: Span | None = None
    mask: Mask | None = None
    label: str = ""
    text: str = ""
    score: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None
    image: Image | Audio | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind == "mask" and self.box is None and self.mask is not None:
            object.__setattr__(self, "box", self.mask.box)
        if self.box is not None:
            object.__setattr__(self, "box", _ordered(self.box, 4, "a box (x0, y0, x1, y1) with x0 <= x1 and y0 <= y1"))
        if self.span is not None:
            object.__setattr__(self, "span", _ordered(self.span, 2, "a span (start, end) with start <= end"))
        if getattr(self, self.kind if self.kind in ("box", "mask", "span") else "", None) is None:
            raise MediaError(
                "an incomplete region", got=self.kind, expected="kind box, mask or span with its own field"
            )

    def to_json(self) -> dict[str, Any]:
        """JSON form, exact, of all but the mask and the picture."""
        names = ("kind", "box", "span", "label", "text", "score", "attributes")
        origin = None if self.origin is None else self.origin.to_json()
        return {name: getattr(self, name) for name in names} | {"origin": origin}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], mask: Mask | None = None) -> Region:
        """The region that `to_json` wrote, with its mask."""
        origin = None if data["origin"] is None else Origin.from_json(data["origin"])
        return cls(**{**data, "attributes": dict(data["attributes"]), "origin": origin}, mask=mask)

    @property
    def centre(self) -> Point:
        """Centre of the box, in pixels of the picture the tool was given."""
        x0, y0, x1, y1 = self.box or (0.0, 0.0, 0.0, 0.0)
        return ((x0 + x1) / 2, (y0 + y1) / 2)

    @property
    def place(self) -> Origin:
        """The origin, or that of an unnamed source where the tool did not say."""
        return self.origin or Origin("")

    def polygon(self) -> tuple[Point, Point, Point, Point] | None:
        """The box's four corners in source pixels, exactly; None for a span."""
        if self.box is None:
            return None
        return self.place.polygon(self.box)

    def in_source(self) -> Region:
        """The same region in pixels (to 1 px) and seconds (to 1 ms) of the source.

        A rotated box becomes the axis-aligned box around its corners (`polygon` has them); a mask that was found in a
        view becomes its box. What was found in a video frame also gets the frame's time as a span.
        """
        if self.origin is None or not self.origin.chain:
            return self
        box = None if self.box is None else self.origin.box(self.box)
        span = None if self.span is None else self.origin.span(self.span)
        if span is None and any(step.op == "frame" for step in self.origin.chain):
            span = self.origin.span((0.0, 0.0))
        kind = "box" if self.kind == "mask" else self.kind
        return replace(self, kind=kind, box=box, span=span, mask=None, origin=Origin(self.origin.source), image=None)

    def cut(self) -> Image | Audio:
        """The part itself: the picture inside the box, or the clip inside the span.

        Raises:
            MediaError: the medium it was found in is not at hand.
        """
        from agentmm.media.views import crop

        if isinstance(self.image, Audio) and self.span is not None:
            return self.image.slice(*self.span)
        if isinstance(self.image, Image) and self.box is not None:
            return crop(self.image, self.box)
        raise MediaError("the medium of this region is not at hand", got=self.text or self.label or self.kind)


def _ordered(values: Any, count: int, expected: str) -> tuple[Any, ...]:
    """The values as floats, when they are finite and each start is not after its end."""
    numbers = tuple(float(value) for value in values)
    half = count // 2
    finite = all(abs(number) < float("inf") for number in numbers)
    if len(numbers) != count or not finite or any(numbers[i] > numbers[i + half] for i in range(half)):
        raise MediaError("a malformed region", got=values, expected=expected)
    return numbers
