"""Families without media: what `calculate` is for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from agentmm.world.families.family import Draw, Family, Rng, Slots, choose, said, yes_no
from agentmm.world.program import Program, one


def _term(rng: Rng) -> tuple[str, Fraction]:
    """Two numbers joined by a sign, and the exact value."""
    sign = str(choose(rng, "+-*"))
    high = 60 if sign == "*" else 1000
    a, b = (_number(rng, high) for _ in range(2))
    x, y = Fraction(a), Fraction(b)
    return f"{a} {sign} {b}", {"+": x + y, "-": x - y, "*": x * y}[sign]


def _number(rng: Rng, high: int) -> str:
    """A whole number, or one time in three an amount with two decimals."""
    if rng.random() < 0.33:
        return str(Decimal(int(rng.integers(100, 100 * high))) / 100)
    return str(int(rng.integers(2, high)))


def _calculation(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    expression, value = _term(rng)
    if rng.random() < 0.4:
        number = _number(rng, 100)
        sign = str(choose(rng, "+-"))
        expression = f"{expression} {sign} {number}"
        value += Fraction(number) if sign == "+" else -Fraction(number)
    return Draw({"a": expression}, (str(Decimal(value.numerator) / Decimal(value.denominator)),))


def _calculation_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("calculate", expression=slots["a"])
    return str(seen["value"])


def _comparison(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    expression, value = _term(rng)
    bound = str(max(1, round(float(value) * (0.7 + 0.6 * float(rng.random())))))
    return Draw({"a": expression, "b": bound}, yes_no(value > int(bound))) if value > 0 else None


def _comparison_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("calculate", expression=f"{slots['a']} > {slots['b']}")
    return said(bool(seen["value"]))


def _larger(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """Which of two expressions has the larger value."""
    (a, x), (b, y) = _term(rng), _term(rng)
    if x == y:
        return None
    best = a if x > y else b
    return Draw({"a": a, "b": b}, (best,), (b if best == a else a,), "text")


def _larger_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("calculate", expression=f"{slots['a']} > {slots['b']}")
    return slots["a"] if seen["value"] else slots["b"]


FAMILIES = [
    Family("calculation", "plain", "number", (), _calculation, _calculation_program, {"a": "expression"}, 0.6),
    Family(
        "comparison", "plain", "yes_no", (), _comparison, _comparison_program, {"a": "expression", "b": "number"}, 0.25,
    ),
    Family(
        "larger", "plain", "text", (), _larger, _larger_program, {"a": "expression", "b": "expression"}, 0.6,
    ),
]  # fmt: skip
"""Plain calculation."""
