"""A blank page that text is put on; it remembers where the text went and ends as a degraded `Document`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageDraw

from agentmm.world.documents import degrade
from agentmm.world.documents.fonts import FONTS, for_height
from agentmm.world.documents.page import Bar, Box, Document, DocumentKind, Field, FieldKind, Look
from agentmm.world.documents.words import chance, pick, whole

Align = Literal["left", "middle", "right"]
Color = tuple[int, int, int]
SMALL_PX, LARGE_PX = 9, 40
MOST_TILT_DEGREES, MOST_BLUR_PX = 12.0, 1.5


@dataclass(frozen=True)
class Part:
    """A piece of a row: where it stands, what it says, how it is aligned, its height in px (0: the body's)."""

    x: float
    text: str
    align: Align = "left"
    text_px: int = 0


@dataclass
class Sheet:
    """The page while it is being written.

    Args:
        width: width in px.
        height: height in px.
        look: typeface, colours and degradations.
    """

    width: int
    height: int
    look: Look
    lines: list[str] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", (self.width, self.height), self.look.paper)
        self.draw = ImageDraw.Draw(self.image)

    def put(
        self, x: float, y: float, text: str, align: Align = "left", text_px: int = 0, ink: Color | None = None
    ) -> Box:
        """Write text whose capitals begin at `y`; returns its box in px of the page."""
        font = for_height(self.look.font, text_px or self.look.text_px)
        left, _, right, bottom = font.getbbox(text)
        top = font.getbbox("H")[1]
        shift = {"left": 0.0, "middle": (right - left) / 2, "right": right - left}[align]
        start = round(x - shift - left)
        self.draw.text((start, round(y - top)), text, font=font, fill=ink or self.look.ink)
        return start + left, float(round(y)), start + right, float(round(y - top) + bottom)

    def row(self, y: float, *parts: Part) -> list[Box]:
        """Write a row of parts, left to right; the row becomes one line of the truth."""
        self.lines.append(" ".join(part.text for part in parts))
        return [self.put(part.x, y, part.text, part.align, part.text_px) for part in parts]

    def note(self, label: str, value: str, kind: FieldKind, box: Box, part: Literal["head", "item"] = "head") -> None:
        """Record a labelled value."""
        turned = degrade.turned_box(box, self.width, self.height, self.look.tilt_degrees)
        self.fields.append(Field(label, value, kind, turned, part))

    def bar(self, label: str, value: int, box: Box) -> Bar:
        """A bar of a chart at its place on the finished page."""
        return Bar(label, value, degrade.turned_box(box, self.width, self.height, self.look.tilt_degrees))

    def rule(self, y: float, left: float, right: float) -> None:
        """Draw a thin line across."""
        self.draw.line([(round(left), round(y)), (round(right), round(y))], fill=faded(self.look))

    def finish(self, kind: DocumentKind, **truth: Any) -> Document:
        """Tilt, blur and compress the page; `truth` are the further fields of `Document`."""
        pixels = degrade.tilt(np.asarray(self.image), self.look.tilt_degrees, darker(self.look.paper))
        pixels = degrade.jpeg(degrade.blur(pixels, self.look.blur_px), self.look.jpeg_quality)
        return Document(kind, pixels, self.look, self.lines, self.fields, **truth)


def text_width(look: Look, text: str, text_px: int = 0) -> int:
    """Width of a text in px, at the body's height unless told."""
    left, _, right, _ = for_height(look.font, text_px or look.text_px).getbbox(text)
    return round(right - left)


def draw_height(rng: np.random.Generator, low_px: int, high_px: int) -> int:
    """A height of body text from `low_px` to `high_px`, small ones more often."""
    return min(whole(rng, low_px, high_px), whole(rng, low_px, high_px))


def draw_look(rng: np.random.Generator, text_px: int) -> Look:
    """A random look for body text of this height; small text is blurred less.

    Three quarters of the text stay readable at the strongest blur of a height (measured at 9, 11 and 13 px).
    """
    most = min(MOST_BLUR_PX, 0.7 + 0.22 * (text_px - SMALL_PX))
    blur = most * float(rng.random()) if chance(rng, 0.8) else 0.0
    return Look(
        font=pick(rng, list(FONTS)),
        text_px=text_px,
        tilt_degrees=draw_tilt(rng),
        blur_px=round(blur, 2),
        jpeg_quality=whole(rng, 35, 95),
        paper=draw_paper(rng),
        ink=draw_ink(rng),
    )


def draw_tilt(rng: np.random.Generator) -> float:
    """Degrees: a third of the pages lie anywhere within 12, a third within 2, a third straight."""
    throw = whole(rng, 0, 2)
    widest = (0.0, 2.0, MOST_TILT_DEGREES)[throw]
    return round(widest * (2 * float(rng.random()) - 1), 2)


def draw_paper(rng: np.random.Generator) -> Color:
    """A light paper: white, grey, or with a tint."""
    level = whole(rng, 225, 255)
    red, green, blue = (level - (whole(rng, 0, 25) if chance(rng, 0.4) else 0) for _ in range(3))
    return red, green, blue


def draw_ink(rng: np.random.Generator) -> Color:
    """A dark ink, mostly near black, sometimes dark blue."""
    level = whole(rng, 0, 70)
    return (level // 2, level // 2, level + 50) if chance(rng, 0.2) else (level, level, level)


def darker(color: Color) -> Color:
    """What lies behind a tilted page."""
    return color[0] * 4 // 5, color[1] * 4 // 5, color[2] * 4 // 5


def faded(look: Look) -> Color:
    """Halfway between paper and ink."""
    red, green, blue = ((a + b) // 2 for a, b in zip(look.paper, look.ink, strict=True))
    return red, green, blue
