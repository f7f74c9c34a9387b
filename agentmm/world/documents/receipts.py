"""Receipts: a store, goods with prices, a total, sometimes a date, a receipt number and how it was paid."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document, FieldKind
from agentmm.world.documents.sheet import Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import (
    GOODS,
    STORE_ENDS,
    STORES,
    cents,
    chance,
    code,
    date,
    pick,
    price,
    whole,
    word,
    words,
)

TOTALS = ("TOTAL", "Total", "AMOUNT DUE", "To pay")


def make_receipt(rng: np.random.Generator) -> Document:
    """A receipt of 2 to 5 goods; the total is the sum of the prices."""
    look = draw_look(rng, draw_height(rng, 9, 24))
    store = f"{word(rng, STORES).upper()} {pick(rng, STORE_ENDS)}"
    goods = words(rng, GOODS, whole(rng, 2, 5))
    prices = [cents(rng, 45, 2999) for _ in goods]
    heads: list[tuple[str, str, FieldKind]] = [("Date", date(rng), "date")]
    heads = heads * chance(rng, 0.6)
    number: list[tuple[str, str, FieldKind]] = [("Receipt", code(rng), "code")]
    heads += number * chance(rng, 0.4)
    total_label, total = pick(rng, TOTALS), price(sum(prices))
    unit = look.text_px
    widest = max(text_width(look, text) for text in [store, total_label, *goods, *(f"{a}: {b}" for a, b, _ in heads)])
    margin, step = unit, round(unit * 1.55)
    width = max(widest + 2 * margin, widest + text_width(look, total) + 2 * margin + 2 * unit, 180)
    sheet = Sheet(width, step * (len(goods) + len(heads) + 3) + 2 * margin, look)
    y = margin
    sheet.row(y, Part(width / 2, store, "middle", min(40, round(unit * 1.15))))
    y += step + unit // 2
    for label, value, kind in heads:
        _, box = sheet.row(y, Part(margin, f"{label}:"), Part(margin + text_width(look, f"{label}: "), value))
        sheet.note(label, value, kind, box)
        y += step
    for name, amount in zip(goods, prices, strict=True):
        _, box = sheet.row(y, Part(margin, name), Part(width - margin, price(amount), "right"))
        sheet.note(name, price(amount), "price", box, "item")
        y += step
    sheet.rule(y, margin, width - margin)
    y += unit // 2
    _, box = sheet.row(y, Part(margin, total_label), Part(width - margin, total, "right"))
    sheet.note(total_label, total, "price", box)
    return sheet.finish("receipt", store=store, total=total)
