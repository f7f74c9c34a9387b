"""Families that read one page: a value beside a label, the store, a date, a cell, a line of a sign."""

from __future__ import annotations

from collections.abc import Sequence

from agentmm.world.documents.page import Document
from agentmm.world.documents.words import GOODS, NAMES, NOTICES, PLACES
from agentmm.world.families.family import UNANSWERABLE, Draw, Family, Rng, SlotKind, Slots, choose, yes_no
from agentmm.world.families.printed import alike, beside, lines, unlike
from agentmm.world.program import Program, cited, concluded, missing, one

_LABELS = ("Customer", "City", "Order", "Terms", "Lot", "Weight", "Pieces", "Receipt", "Invoice", "Phone", "Table")
_PLACE_WORDS = {"first": 0, "second": 1, "third": 2, "last": -1}


def _value(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """A labelled value of the head of a page."""
    page = media[0]
    if absent:
        label = unlike(rng, _LABELS, page.lines)
        return Draw({"a": label}, UNANSWERABLE) if label else None
    heads = [f for f in page.fields if f.part == "head" and f.kind != "date" and f.value != page.total]
    found = choose(rng, heads)
    if found is None:
        return None
    kind = found.kind if found.kind in ("number", "price") else "text"
    return Draw({"a": found.label}, (found.value,), _values(page, found.value) if kind == "text" else (), kind)


def _values(page: Document, value: str) -> tuple[str, ...]:
    """The other values of a page: naming one beside the right one is no answer."""
    return tuple(sorted({f.value for f in page.fields if f.value != value}))


def _value_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    found = beside(lines(seen), slots["a"])
    return cited(found.value, found.handle) if found else missing(slots["a"])


def _date(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    page = media[0]
    dates = [f for f in page.fields if f.kind == "date" and f.label == "Date"]
    if absent:
        return None if any(f.kind == "date" for f in page.fields) else Draw({}, UNANSWERABLE)
    return Draw({}, (dates[0].value,)) if dates else None


def _date_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    found = beside(lines(seen), "Date")
    return cited(found.value, found.handle) if found else missing("date")


def _first(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """The first line of a page: who issued it, or its title."""
    page = media[0]
    return Draw({}, (page.store or page.title,), _values(page, page.store or page.title))


def _first_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    printed = lines(seen)
    return cited(printed[0].text, printed[0].handle) if printed else missing("text")


def _sign_line(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """One of the two or three lines of a sign."""
    page = media[0]
    words = [word for word, at in _PLACE_WORDS.items() if at < len(page.lines)]
    if absent:
        words = [word for word, at in _PLACE_WORDS.items() if at >= len(page.lines)]
        return Draw({"b": words[0]}, UNANSWERABLE) if words else None
    if len(page.lines) < 2:
        return None
    word = str(choose(rng, words))
    text = page.lines[_PLACE_WORDS[word]]
    return Draw({"b": word}, (text,), tuple(line for line in page.lines if line != text))


def _sign_line_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    printed, at = lines(seen), _PLACE_WORDS.get(slots["b"].lower(), 0)
    if at >= len(printed) or not printed:
        return missing(f"{slots['b']} line")
    return cited(printed[at].text, printed[at].handle)


def _text(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (" ".join(media[0].lines),))


def _text_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    return " ".join(line.text for line in lines(seen)) or missing("text")


def _cell(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """A number of a table by its row and its column."""
    page = media[0]
    row, column = choose(rng, page.rows), choose(rng, page.columns[1:])
    if absent:
        ghost = unlike(rng, (*GOODS, *NAMES, *PLACES), page.lines)
        return Draw({"a": ghost, "b": column}, UNANSWERABLE) if ghost else None
    return Draw({"a": row[0], "b": column}, (row[page.columns.index(column)],))


def _cell_program(slots: Slots, media: Sequence[str]) -> Program:
    """Find the row and the line of the columns' names; note what the row holds in each column, up to the asked one."""
    seen = yield from one("read_text", image=media[0])
    printed = lines(seen)
    row = beside(printed, slots["a"])
    heads = (line.text.split() for line in printed)
    columns = next((words for words in heads if any(_same(word, slots["b"]) for word in words)), [])
    if row is None:
        return missing(slots["a"])
    label = next(line.text for line in printed if line.handle == row.handle).removesuffix(row.value).strip()
    named = list(zip(columns, [label, *row.value.split()], strict=False))
    asked = next((place for place, (column, _) in enumerate(named) if place and _same(column, slots["b"])), None)
    if asked is None:
        return missing(slots["a"])
    noted = ", ".join(f"{column} {held}" for column, held in named[: asked + 1])
    return concluded(cited(noted, row.handle), cited(named[asked][1], row.handle))


def _same(a: str, b: str) -> bool:
    return alike(a, b) >= 0.8


def _bar(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """The value of a bar."""
    page = media[0]
    if absent:
        ghost = unlike(rng, (*GOODS, *NAMES, *PLACES), page.lines)
        return Draw({"a": ghost}, UNANSWERABLE) if ghost else None
    bar = choose(rng, bars_of(page))
    return Draw({"a": bar[0]}, (bar[1],)) if bar else None


def bars_of(page: Document) -> list[tuple[str, str]]:
    """Names and values of a chart's bars."""
    return [(bar.label, str(bar.value)) for bar in page.series]


def _says(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """Whether a word is printed anywhere on the page."""
    page = media[0]
    words = sorted({word.strip(":") for line in page.lines for word in line.split() if word.strip(":").isalpha()})
    pool = [word for word in words if len(word) >= 4]
    there = rng.random() < 0.5
    word = choose(rng, pool) if there else unlike(rng, (*GOODS, *NAMES, *PLACES, *NOTICES), page.lines)
    return Draw({"a": str(word)}, yes_no(there)) if word else None


def _says_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    wanted = slots["a"].casefold()
    found = next((line for line in lines(seen) if wanted in line.text.casefold()), None)
    return cited("yes", found.handle) if found else "no"


def _line_count(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (str(len(media[0].lines)),))


def _line_count_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    return str(seen["count"])


_A: dict[str, SlotKind] = {"a": "text"}
_PAID = "receipt|invoice"

FAMILIES = [
    Family("value", "document", "text", ("invoice|label|receipt",), _value, _value_program, _A, 2.4, 0.1),
    Family("date", "document", "date", (_PAID,), _date, _date_program, {}, 1, 0.15),
    Family("store", "document", "text", (_PAID,), _first, _first_program, {}, 1.2),
    Family("title", "document", "text", ("table|chart|label",), _first, _first_program, {}, 0.9),
    Family("sign_line", "document", "text", ("sign",), _sign_line, _sign_line_program, {"b": "text"}, 1, 0.1),
    Family("sign_text", "document", "text", ("sign",), _text, _text_program, {}, 0),
    Family("cell", "document", "number", ("table",), _cell, _cell_program, {"a": "text", "b": "text"}, 1.5, 0.08),
    Family("bar", "document", "number", ("chart",), _bar, _value_program, _A, 1.4, 0.08),
    Family("says", "document", "yes_no", ("receipt|invoice|label|sign|table",), _says, _says_program, _A, 0.4),
    Family("line_count", "document", "number", ("receipt|label|table",), _line_count, _line_count_program, {}, 0.4),
]
"""Reading one page."""
