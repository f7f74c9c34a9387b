"""Bar charts: upright or lying bars, each with its label and its printed value."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document, Look
from agentmm.world.documents.sheet import Color, Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import GOODS, MONTHS, NAMES, PLACES, chance, pick, sample, whole, word, words

BARS: tuple[Color, ...] = (
    (90, 140, 200),
    (220, 150, 80),
    (120, 180, 120),
    (200, 110, 120),
    (150, 130, 190),
    (150, 150, 150),
)
TITLES = ("Sales", "Visitors", "Rainfall", "Votes", "Orders", "Output", "Exports", "Members")


def make_chart(rng: np.random.Generator) -> Document:
    """A chart of 3 to 5 bars with different values; a field's label is the bar's."""
    count = whole(rng, 3, 5)
    names = sample(rng, MONTHS, count) if chance(rng, 0.3) else words(rng, pick(rng, (GOODS, NAMES, PLACES)), count)
    values = sample(rng, range(5, 200), count)
    title = f"{pick(rng, TITLES)} {word(rng, PLACES)}" if chance(rng, 0.5) else pick(rng, TITLES)
    look = draw_look(rng, draw_height(rng, 9, 20))
    color = pick(rng, BARS)
    lying = chance(rng, 0.5)
    return (lying_bars if lying else upright_bars)(look, title, names, values, color)


def lying_bars(look: Look, title: str, names: list[str], values: list[int], color: Color) -> Document:
    """Bars that grow to the right: name, bar, value on one row each."""
    unit = look.text_px
    margin, step = unit, round(unit * 2.0)
    start = margin + max(text_width(look, name) for name in names) + unit
    longest = max(6 * unit, 90)
    width = max(start + longest + unit + text_width(look, "999") + margin, text_width(look, title) + 2 * margin)
    sheet = Sheet(width, step * (len(names) + 1) + 2 * margin, look)
    sheet.row(margin, Part(margin, title))
    series = []
    for index, (name, value) in enumerate(zip(names, values, strict=True)):
        y = margin + step * (index + 1)
        end = start + max(2, longest * value // max(values))
        bar = (start, y - unit // 4, end, y + unit)
        sheet.draw.rectangle(bar, fill=color)
        _, box = sheet.row(y, Part(margin, name), Part(end + unit * 0.8, str(value)))
        sheet.note(name, str(value), "number", box, "item")
        series.append(sheet.bar(name, value, bar))
    return sheet.finish("chart", title=title, series=series)


def upright_bars(look: Look, title: str, names: list[str], values: list[int], color: Color) -> Document:
    """Bars that grow upwards: below each its name, and below that its value."""
    unit = look.text_px
    margin, tallest = unit, max(6 * unit, 100)
    slot = max(text_width(look, name) for name in names) + unit
    width = max(slot * len(names) + 2 * margin, text_width(look, title) + 2 * margin)
    floor = margin + 3 * unit + tallest
    sheet = Sheet(width, floor + 4 * unit + margin, look)
    sheet.row(margin, Part(margin, title))
    middles = [margin + slot * (index + 0.5) for index in range(len(names))]
    series = []
    for middle, name, value in zip(middles, names, values, strict=True):
        top = floor - max(2, tallest * value // max(values))
        bar = (round(middle - slot * 0.3), top, round(middle + slot * 0.3), floor)
        sheet.draw.rectangle(bar, fill=color)
        series.append(sheet.bar(name, value, bar))
    sheet.rule(floor, margin // 2, width - margin // 2)
    for middle, name, value in zip(middles, names, values, strict=True):
        sheet.put(middle, floor + unit // 2, name, "middle")
        box = sheet.put(middle, floor + unit * 2 + unit // 4, str(value), "middle")
        sheet.lines.append(f"{name} {value}")
        sheet.note(name, str(value), "number", box, "item")
    return sheet.finish("chart", layout="columns", title=title, series=series)
