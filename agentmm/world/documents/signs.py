"""Signs: one to three short lines in large letters on a coloured board, sometimes with a number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agentmm.world.documents.page import Document
from agentmm.world.documents.sheet import Color, Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import NAMES, NOTICES, PLACES, chance, pick, random_word, whole, word

BOARDS: tuple[tuple[Color, Color], ...] = (
    ((255, 255, 255), (15, 15, 15)),
    ((250, 215, 60), (20, 20, 20)),
    ((30, 70, 150), (255, 255, 255)),
    ((20, 100, 60), (250, 250, 245)),
    ((170, 25, 30), (255, 255, 255)),
    ((40, 40, 45), (240, 240, 235)),
)
NUMBERED = ("Room", "Gate", "Platform", "Floor", "Track", "Hall", "Bus", "Counter", "Exit", "Desk")


def make_sign(rng: np.random.Generator) -> Document:
    """A sign: a notice, sometimes a place or a name, sometimes a numbered room or gate."""
    paper, ink = pick(rng, BOARDS)
    look = replace(draw_look(rng, draw_height(rng, 12, 40)), paper=paper, ink=ink)
    title = pick(rng, NOTICES) if chance(rng, 0.75) else random_word(rng).upper()
    extra = [word(rng, (*PLACES, *NAMES))] * chance(rng, 0.5)
    numbered = [(pick(rng, NUMBERED), str(whole(rng, 2, 99)))] * chance(rng, 0.6)
    texts = [title, *extra, *(f"{label} {value}" for label, value in numbered)]
    unit = look.text_px
    margin, step = round(unit * 1.2), round(unit * 1.7)
    width = max(max(text_width(look, text) for text in texts) + 2 * margin, 200)
    sheet = Sheet(width, max(step * len(texts) - (step - unit) + 2 * margin, 120), look)
    sheet.draw.rectangle((4, 4, width - 5, sheet.height - 5), outline=look.ink, width=2)
    y = (sheet.height - step * len(texts) + step - unit) // 2
    for text in [title, *extra]:
        sheet.row(y, Part(width / 2, text, "middle"))
        y += step
    for label, value in numbered:
        left = (width - text_width(look, f"{label} {value}")) / 2
        (box,) = sheet.row(y, Part(left, f"{label} {value}"))
        sheet.note(label, value, "number", (box[2] - text_width(look, value), *box[1:]))
    return sheet.finish("sign", title=title)
