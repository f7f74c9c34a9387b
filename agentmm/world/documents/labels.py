"""Product and parcel labels: a name and a few `label: value` lines in a frame."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document, FieldKind
from agentmm.world.documents.sheet import Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import (
    GOODS,
    NAMES,
    PARTS,
    PLACES,
    cents,
    code,
    date,
    pick,
    price,
    sample,
    whole,
    word,
)

UNITS = ("g", "kg", "ml")


def make_label(rng: np.random.Generator) -> Document:
    """A label with a name and 3 to 5 values: weight, price, lot, best before, where it goes."""
    look = draw_look(rng, draw_height(rng, 9, 26))
    title = word(rng, (*GOODS, *PARTS)).upper()
    entries = draw_entries(rng, whole(rng, 3, 5))
    unit = look.text_px
    margin, step, title_px = round(unit * 1.2), round(unit * 1.6), min(40, round(unit * 1.4))
    gap = text_width(look, "n n") - text_width(look, "nn")
    width = max(text_width(look, f"{label}:") + gap + text_width(look, value) for label, value, _ in entries)
    width = max(width, text_width(look, title, title_px), 160) + 2 * margin
    sheet = Sheet(width, step * len(entries) + title_px * 2 + 2 * margin, look)
    sheet.draw.rectangle((3, 3, width - 4, sheet.height - 4), outline=look.ink)
    sheet.row(margin, Part(margin, title, "left", title_px))
    y = margin + title_px * 2
    for label, value, kind in entries:
        start = margin + text_width(look, f"{label}:") + gap
        _, box = sheet.row(y, Part(margin, f"{label}:"), Part(start, value))
        sheet.note(label, value, kind, box)
        y += step
    return sheet.finish("label", title=title)


def draw_entries(rng: np.random.Generator, count: int) -> list[tuple[str, str, FieldKind]]:
    """Some labelled values of a label."""
    choices: list[tuple[str, str, FieldKind]] = [
        ("Weight", f"{whole(rng, 2, 99) * 10}{pick(rng, UNITS)}", "text"),
        ("Price", price(cents(rng, 50, 9999)), "price"),
        ("Lot", code(rng), "code"),
        ("Best before", date(rng), "date"),
        ("To", word(rng, NAMES), "text"),
        ("City", word(rng, PLACES), "text"),
        ("Pieces", str(whole(rng, 2, 500)), "number"),
    ]
    return sample(rng, choices, count)
