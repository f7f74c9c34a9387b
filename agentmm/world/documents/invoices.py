"""Invoices: labelled head fields, one or two positions, a total."""

from __future__ import annotations

import numpy as np

from agentmm.world.documents.page import Document, FieldKind
from agentmm.world.documents.sheet import Part, Sheet, draw_height, draw_look, text_width
from agentmm.world.documents.words import (
    NAMES,
    PARTS,
    PLACES,
    STORE_ENDS,
    STORES,
    cents,
    code,
    date,
    pick,
    price,
    sample,
    whole,
    word,
    words,
)

TOTALS = ("Total", "Amount due", "Balance due")


def make_invoice(rng: np.random.Generator) -> Document:
    """An invoice with 3 or 4 head fields and 1 to 3 positions; the total is their sum."""
    look = draw_look(rng, draw_height(rng, 9, 20))
    store = f"{word(rng, STORES).capitalize()} {pick(rng, STORE_ENDS).capitalize()}"
    heads = [("Invoice", code(rng), "code"), *draw_heads(rng, whole(rng, 2, 3))]
    goods = words(rng, PARTS, whole(rng, 1, 3))
    prices = [cents(rng, 500, 49999) for _ in goods]
    total_label, total = pick(rng, TOTALS), price(sum(prices))
    unit = look.text_px
    margin, step, title_px = unit, round(unit * 1.6), min(40, round(unit * 1.3))
    labels = max(text_width(look, f"{text}:") for text in [*(label for label, _, _ in heads), *goods, total_label])
    values = max(text_width(look, text) for text in [*(value for _, value, _ in heads), total])
    column = margin + labels + 2 * unit
    width = max(column + values + margin, text_width(look, store, title_px) + 2 * margin, 200)
    sheet = Sheet(width, step * (len(heads) + len(goods) + 3) + 2 * margin, look)
    y = margin
    sheet.row(y, Part(margin, store, "left", title_px))
    y += round(step * 1.5)
    for label, value, kind in heads:
        _, box = sheet.row(y, Part(margin, f"{label}:"), Part(column, value))
        sheet.note(label, value, kind, box)
        y += step
    sheet.rule(y, margin, width - margin)
    y += unit // 2
    for name, amount in zip(goods, prices, strict=True):
        _, box = sheet.row(y, Part(margin, name), Part(column, price(amount)))
        sheet.note(name, price(amount), "price", box, "item")
        y += step
    _, box = sheet.row(y, Part(margin, f"{total_label}:"), Part(column, total))
    sheet.note(total_label, total, "price", box)
    return sheet.finish("invoice", store=store, total=total)


def draw_heads(rng: np.random.Generator, count: int) -> list[tuple[str, str, FieldKind]]:
    """Some labelled head fields of an invoice."""
    choices: list[tuple[str, str, FieldKind]] = [
        ("Date", date(rng), "date"),
        ("Customer", word(rng, NAMES), "text"),
        ("City", word(rng, PLACES), "text"),
        ("Order", str(whole(rng, 1000, 99999)), "number"),
        ("Phone", f"555-{whole(rng, 2000, 9999)}", "code"),
    ]
    return sample(rng, choices, count)
