"""Tables: a title, a header, and rows of whole numbers named by their first cell."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document
from agentmm.world.documents.sheet import Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import GOODS, NAMES, PLACES, chance, pick, sample, whole, word, words

TOPICS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("City", PLACES, ("Visitors", "Hotels", "Trains", "Schools", "Parks")),
    ("Name", NAMES, ("Points", "Games", "Wins", "Age", "Hours")),
    ("Item", GOODS, ("Stock", "Sold", "Orders", "Price", "Boxes")),
)
TITLES = ("Overview", "Summary", "Report", "Results", "Weekly list", "Inventory", "Statistics")


def make_table(rng: np.random.Generator) -> Document:
    """A table of 2 or 3 columns of numbers and 3 to 5 rows; a field's label is `ROW COLUMN`."""
    look = draw_look(rng, draw_height(rng, 9, 20))
    first, pool, headers = pick(rng, TOPICS)
    columns = [first, *sample(rng, headers, whole(rng, 1, 3))]
    names = words(rng, pool, whole(rng, 3, 5))
    rows = [[name, *(str(whole(rng, 2, 999)) for _ in columns[1:])] for name in names]
    title = f"{pick(rng, TITLES)} {word(rng, PLACES)}" if chance(rng, 0.5) else pick(rng, TITLES)
    unit = look.text_px
    margin, step, gap = unit, round(unit * 1.7), 2 * unit
    widths = [max(text_width(look, cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    starts = [margin + sum(widths[:index]) + gap * index for index in range(len(widths))]
    width = max(starts[-1] + widths[-1] + margin, text_width(look, title) + 2 * margin, 180)
    sheet = Sheet(width, step * (len(rows) + 2) + 2 * margin, look)
    sheet.row(margin, Part(margin, title))
    sheet.row(margin + step, *(Part(x, text) for x, text in zip(starts, columns, strict=True)))
    ruled = chance(rng, 0.5)
    for index, row in enumerate(rows):
        y = margin + step * (index + 2)
        if ruled or index == 0:
            sheet.rule(y - (step - unit) // 2 - 1, margin // 2, width - margin // 2)
        boxes = sheet.row(y, *(Part(x, text) for x, text in zip(starts, row, strict=True)))
        for column, cell, box in zip(columns[1:], row[1:], boxes[1:], strict=True):
            sheet.note(f"{row[0]} {column}", cell, "number", box, "item")
    return sheet.finish("table", layout="grid", title=title, columns=columns, rows=rows)
