"""What a generated page is: its pixels and everything that is true about it; it draws nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Box = tuple[float, float, float, float]
FieldKind = Literal["text", "number", "price", "date", "code"]
Layout = Literal["rows", "columns", "grid"]
DocumentKind = Literal["receipt", "invoice", "sign", "label", "table", "chart"]


@dataclass(frozen=True)
class Field:
    """One value printed beside, or under, the label that names it.

    Attributes:
        label: the label as printed, without a trailing colon; unique on its page.
        value: the value exactly as printed, e.g. `12.50`, `2024-03-07`, `QX7-338`.
        kind: what the value is; `number` and `price` values are plain decimals without a currency sign.
        box: xyxy px of the value on the finished (tilted) page.
        part: `item` for one of a list (an item of a receipt, a bar of a chart, a cell), `head` for the rest.
    """

    label: str
    value: str
    kind: FieldKind
    box: Box
    part: Literal["head", "item"] = "head"


@dataclass(frozen=True)
class Bar:
    """One labelled bar of a chart with the value printed at it."""

    label: str
    value: int
    box: Box


@dataclass(frozen=True)
class Look:
    """How a page was printed and photographed.

    Attributes:
        font: name of the typeface, one of `agentmm.world.documents.fonts.FONTS`.
        text_px: height of the body text in px, from the top of `H` to the bottom of `g`.
        tilt_degrees: counter-clockwise turn of the page.
        blur_px: sigma of the blur in px.
        jpeg_quality: quality of the JPEG round trip.
        paper: RGB of the paper.
        ink: RGB of the text.
    """

    font: str
    text_px: int
    tilt_degrees: float
    blur_px: float
    jpeg_quality: int
    paper: tuple[int, int, int]
    ink: tuple[int, int, int]


@dataclass(frozen=True)
class Document:
    """A picture of a page with its ground truth.

    Attributes:
        kind: which sort of page this is.
        pixels: uint8 `[H, W, 3]` RGB.
        look: typeface, text height, tilt, blur, JPEG quality, paper.
        lines: the text of each visual row in reading order, parts joined by one space.
        fields: every labelled value; items of a receipt come first, in order.
        layout: `rows`: a field's line is its label and its value (`Salt 2.80`, `Date: 2024-03-07`); `columns`: the
            values stand below their labels, and each label's line is it and its value; `grid`: a table, a line a row.
        title: heading of a table or chart, the name on a label, the first line of a sign; else "".
        store: who issued a receipt or invoice; else "".
        total: the printed total of a receipt or invoice; else "".
        columns: header of a table; else empty. The first column names the rows.
        rows: cells of a table, one list a row, as printed; else empty.
        series: bars of a chart, left to right or top to bottom; else empty.
    """

    kind: DocumentKind
    pixels: np.ndarray
    look: Look
    lines: list[str]
    fields: list[Field]
    layout: Layout = "rows"
    title: str = ""
    store: str = ""
    total: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    series: list[Bar] = field(default_factory=list)

    @property
    def items(self) -> list[Field]:
        """The fields that are one of a list: goods with prices, bars, cells."""
        return [found for found in self.fields if found.part == "item"]

    @property
    def text(self) -> str:
        """All lines, one a row."""
        return "\n".join(self.lines)

    def field(self, label: str) -> Field:
        """The field with this label.

        Raises:
            KeyError: no field has the label.
        """
        for found in self.fields:
            if found.label == label:
                return found
        raise KeyError(label)
