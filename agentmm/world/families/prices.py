"""Families about amounts on one page: a price, the total, and what `calculate` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from agentmm.world.documents.page import Document, Field
from agentmm.world.documents.words import GOODS, PARTS
from agentmm.world.families.documents import bars_of
from agentmm.world.families.family import UNANSWERABLE, Draw, Family, Rng, SlotKind, Slots, choose, said, yes_no
from agentmm.world.families.printed import Beside, Line, after, beside, lines, unlike
from agentmm.world.program import One, Program, cited, missing, one, thinking

TOTAL_WORDS = ("total", "amount due", "balance due", "to pay")
"""What the last amount of a receipt or an invoice may be called."""


def _two(page: Document, rng: Rng) -> tuple[Field, Field] | None:
    """Two goods with different prices."""
    if len(page.items) < 2:
        return None
    a, b = (page.items[int(i)] for i in rng.choice(len(page.items), 2, replace=False))
    return (a, b) if a.value != b.value else None


def _ghost(page: Document, rng: Rng) -> str | None:
    """A product that the page does not have."""
    return unlike(rng, (*GOODS, *PARTS), page.lines)


def _price(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    page = media[0]
    if absent:
        ghost = _ghost(page, rng)
        return Draw({"a": ghost}, UNANSWERABLE) if ghost else None
    item = choose(rng, page.items)
    return Draw({"a": item.label}, (item.value,))


def _total(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (media[0].total,))


def _of_two(
    answer: Callable[[Field, Field], tuple[str, ...] | None],
) -> Callable[[Sequence[Document], Rng, bool], Draw | None]:
    """Draw two goods; `answer` gives the accepted forms, or None where the pair will not do."""

    def draw(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
        page, pair = media[0], _two(media[0], rng)
        if pair is None:
            return None
        if absent:
            ghost = _ghost(page, rng)
            return Draw({"a": pair[0].label, "b": ghost}, UNANSWERABLE) if ghost else None
        accepted = answer(*pair)
        others = tuple(f.label for f in pair if accepted and f.label not in accepted)
        return Draw({"a": pair[0].label, "b": pair[1].label}, accepted, others) if accepted else None

    return draw


def _amount(field: Field) -> Decimal:
    return Decimal(field.value)


def _with_number(
    number: Callable[[Decimal, Rng], int], answer: Callable[[Decimal, int], tuple[str, ...]], whole: bool = False
) -> Callable[[Sequence[Document], Rng, bool], Draw | None]:
    """Draw an item (or with `whole` the total) and a number near its amount."""

    def draw(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
        page = media[0]
        item = choose(rng, page.items)
        amount = Decimal(page.total if whole else item.value)
        if amount == int(amount):
            return None
        count = number(amount, rng)
        slots = {"b": str(count)} if whole else {"a": item.label, "b": str(count)}
        if absent:
            ghost = None if whole else _ghost(page, rng)
            return Draw({"a": ghost, "b": str(count)}, UNANSWERABLE) if ghost else None
        return Draw(slots, answer(amount, count))

    return draw


def _near(amount: Decimal, rng: Rng) -> int:
    """A whole number of money near an amount, over or under it."""
    return max(1, round(float(amount) * (0.6 + 0.8 * float(rng.random()))))


def _note(amount: Decimal, rng: Rng) -> int:
    """The smallest fitting banknotes, or the next but one."""
    fitting = [note for note in (5, 10, 20, 50, 100, 200, 500, 1000, 2000) if note > amount]
    return fitting[int(rng.integers(min(2, len(fitting))))]


def _few(amount: Decimal, rng: Rng) -> int:
    return int(rng.integers(2, 10))


def _page(media: Sequence[str]) -> One:
    return one("read_text", image=media[0])


def total_of(printed: Sequence[Line]) -> Beside | None:
    """The last amount that a total's name stands before."""
    for line in reversed(printed):
        for word in TOTAL_WORDS:
            if after(line.text, word) is not None:
                return beside([line], word)
    return next((found for word in TOTAL_WORDS if (found := beside(printed, word))), None)


def _price_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from _page(media)
    found = beside(lines(seen), slots["a"])
    return cited(found.number or found.value, found.handle) if found else missing(slots["a"])


def _total_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from _page(media)
    found = total_of(lines(seen))
    return cited(found.number, found.handle) if found and found.number else missing("total")


def _both(sign: str) -> Callable[[Slots, Sequence[str]], Program]:
    """Look up both in the order in which they are named, join their amounts by a sign in `calculate`.

    The answer is the value; of a difference how large it is, for `>` the dearer one.
    """

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from _page(media)
        names = list(slots.values())
        found = [beside(lines(seen), name) for name in names]
        for name, entry in zip(names, found, strict=True):
            if entry is None or not entry.number:
                return missing(name)
        a, b = (entry for entry in found if entry is not None)
        noted = f"{cited(a.number, a.handle)} {cited(b.number, b.handle)}"
        value = yield from thinking(noted, "calculate", expression=f"{a.number} {sign} {b.number}")
        if sign == ">":
            return cited(names[0], a.handle) if value["value"] else cited(names[1], b.handle)
        return cited(str(value["value"]).removeprefix("-"), a.handle, b.handle)

    return program


def _number(slots: Slots, value: object) -> str:
    return str(value)


def _expression(
    pattern: str, answer: Callable[[Slots, object], str], whole: bool = False
) -> Callable[[Slots, Sequence[str]], Program]:
    """Look up one amount and put it, as `x`, and slot `b` into an expression."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from _page(media)
        printed = lines(seen)
        found = total_of(printed) if whole else beside(printed, slots["a"])
        if found is None or not found.number:
            return missing("total" if whole else slots["a"])
        noted, expression = cited(found.number, found.handle), pattern.format(x=found.number, b=slots["b"])
        value = yield from thinking(noted, "calculate", expression=expression)
        return cited(answer(slots, value["value"]), found.handle)

    return program


def _truth(slots: Slots, value: object) -> str:
    return said(bool(value))


def _bars(sign: str) -> Callable[[Sequence[Document], Rng, bool], Draw | None]:
    """Draw two bars of a chart: their sum (`+`) or the higher one (`>`)."""

    def draw(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
        bars = bars_of(media[0])
        if len(bars) < 2:
            return None
        (a, x), (b, y) = (bars[int(i)] for i in rng.choice(len(bars), 2, replace=False))
        slots = {"a": a, "b": b}
        if sign == "+":
            return Draw(slots, (str(int(x) + int(y)),))
        best = a if int(x) > int(y) else b
        return Draw(slots, (best,), (b if best == a else a,))

    return draw


_PAID = ("receipt|invoice",)
_A: dict[str, SlotKind] = {"a": "text"}
_AB: dict[str, SlotKind] = {"a": "text", "b": "text"}
_AN: dict[str, SlotKind] = {"a": "text", "b": "number"}
_N: dict[str, SlotKind] = {"b": "number"}

FAMILIES = [
    Family("price", "document", "price", _PAID, _price, _price_program, _A, 2.3, 0.1),
    Family("bill_total", "document", "price", _PAID, _total, _total_program, {}, 1.4),
    Family(
        "add_prices", "document", "price", _PAID, _of_two(lambda a, b: (str(_amount(a) + _amount(b)),)),
        _both("+"), _AB, 1, 0.08,
    ),
    Family(
        "price_difference", "document", "price", _PAID,
        _of_two(lambda a, b: (str(_amount(a) - _amount(b)),) if _amount(a) > _amount(b) else None),
        _both("-"), _AB, 0.7,
    ),
    Family(
        "dearer", "document", "text", _PAID,
        _of_two(lambda a, b: (a.label if _amount(a) > _amount(b) else b.label,)), _both(">"), _AB, 1, 0.08,
    ),
    Family(
        "enough", "document", "yes_no", _PAID, _with_number(_near, lambda x, n: yes_no(n >= x)),
        _expression("{b} >= {x}", _truth), _AN, 0.4, 0.08,
    ),
    Family(
        "total_over", "document", "yes_no", _PAID, _with_number(_near, lambda x, n: yes_no(x > n), whole=True),
        _expression("{x} > {b}", _truth, whole=True), _N, 0.35,
    ),
    Family(
        "times", "document", "price", _PAID, _with_number(_few, lambda x, n: (str(x * n),)),
        _expression("{b} * {x}", _number), _AN, 0.6,
    ),
    Family(
        "change", "document", "price", _PAID, _with_number(_note, lambda x, n: (str(n - x),), whole=True),
        _expression("{b} - {x}", _number, whole=True), _N, 0.5,
    ),
    Family("add_bars", "document", "number", ("chart",), _bars("+"), _both("+"), _AB, 0.6),
    Family("higher_bar", "document", "text", ("chart",), _bars(">"), _both(">"), _AB, 0.8),
]  # fmt: skip
"""Amounts on one page."""
