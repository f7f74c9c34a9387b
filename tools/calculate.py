"""Exact arithmetic and comparisons from a parsed expression; nothing is ever evaluated as code."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TypedDict

from agentmm.errors import ToolError
from agentmm.tool import tool

MAX_CHARS = 500
"""Longest expression."""

MAX_DIGITS = 60
"""Most digits of a numerator or denominator on the way."""

MAX_DEPTH = 40
"""Deepest nesting of parentheses and signs."""

_TOKEN = re.compile(r"\s*(?:(\d+\.\d*|\.\d+|\d+)|(<=|>=|!=|==|\*\*|[-+*/%^()<>=×÷−]))", re.ASCII)
_EXPECTED = "plain numbers and + - * / ( ) < > ="
_SAME = {"×": "*", "÷": "/", "−": "-", "^": "**", "==": "="}
_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class Value(TypedDict):
    """The result; true or false for a comparison."""

    value: float | bool


@tool(pure=True, isolation="thread", returns=("Number", "Flag"))
def calculate(expression: str) -> Value:
    """Work out numbers with + - * / % ** ( ), or compare them with < > <= >= = !=.

    Args:
        expression: plain numbers only, such as `(2.5 + 4) * 3`; no commas, units or currency signs.
    """
    parser = _Parser(_tokens(expression))
    left = parser.sum()
    if parser.ahead in _COMPARE:
        compare = _COMPARE[parser.take()]
        answer = compare(left, parser.sum())
        parser.end()
        return {"value": answer}
    parser.end()
    return {"value": shortest(left)}


def shortest(number: Fraction) -> int | float:
    """The shortest number that says it: exact where its decimals end, else rounded to 6 significant digits."""
    if number.denominator == 1:
        return number.numerator
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    with localcontext() as context:
        context.prec = 6 if rest > 1 else 15
        return float(Decimal(number.numerator) / Decimal(number.denominator))


def _tokens(expression: str) -> list[str]:
    """Numbers and operators of an expression.

    Raises:
        ToolError: it is empty, too long, or holds anything else.
    """
    text = expression.strip()
    if not text or len(text) > MAX_CHARS:
        raise ToolError("nothing to calculate" if not text else "the expression is too long", got=expression)
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            wrong = text[at:].strip()[0]
            raise ToolError(f"cannot calculate with {wrong!r}", got=text, expected=_EXPECTED)
        tokens.append(_SAME.get(match[2], match[2]) if match[2] else match[1])
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent: sum > product > sign > power > atom; works with exact fractions."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    @property
    def ahead(self) -> str:
        """The next token, '' at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        """Consume the next token."""
        self.at += 1
        return self.tokens[self.at - 1]

    def end(self) -> None:
        """Nothing may follow."""
        if self.ahead:
            raise self._wrong()

    def sum(self) -> Fraction:
        """Products joined by + and -."""
        value = self._product()
        while self.ahead in ("+", "-"):
            value = _bounded(value + self._product() if self.take() == "+" else value - self._product())
        return value

    def _product(self) -> Fraction:
        value = self._sign()
        while self.ahead in ("*", "/", "%"):
            value = _bounded(_OPERATORS[self.take()](value, self._sign()))
        return value

    def _sign(self) -> Fraction:
        if self.ahead not in ("+", "-"):
            return self._power()
        return self._deeper(lambda: self._sign() if self.take() == "+" else -self._sign())

    def _power(self) -> Fraction:
        value = self._atom()
        if self.ahead == "**":
            self.take()
            return _power(value, self._deeper(self._sign))
        return value

    def _atom(self) -> Fraction:
        if self.ahead == "(":
            self.take()
            value = self._deeper(self.sum)
            if self.ahead != ")":
                raise self._wrong()
            self.take()
            return value
        if not self.ahead or not (self.ahead[0].isdigit() or self.ahead[0] == "."):
            raise self._wrong()
        return _bounded(Fraction(self.take()))

    def _deeper(self, rule: Callable[[], Fraction]) -> Fraction:
        """Apply a rule one level down."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ToolError("the expression is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        value = rule()
        self.depth -= 1
        return value

    def _wrong(self) -> ToolError:
        got = f"{self.ahead!r} as token {self.at + 1}" if self.ahead else "its end"
        return ToolError(f"cannot read the expression: unexpected {got}", got=" ".join(self.tokens))


def _divide(a: Fraction, b: Fraction) -> Fraction:
    if b == 0:
        raise ToolError("division by zero")
    return a / b


def _remainder(a: Fraction, b: Fraction) -> Fraction:
    if b == 0:
        raise ToolError("division by zero")
    return a % b


_OPERATORS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _remainder,
}


def _power(value: Fraction, exponent: Fraction) -> Fraction:
    """A power with a small whole exponent."""
    if exponent.denominator != 1 or abs(exponent) > MAX_DIGITS:
        expected = f"a whole number in -{MAX_DIGITS}..{MAX_DIGITS}"
        raise ToolError("cannot raise to that power", got=str(exponent), expected=expected)
    if value == 0 and exponent < 0:
        raise ToolError("division by zero")
    size = max(abs(value.numerator), value.denominator)
    if len(str(size)) * abs(int(exponent)) > 4 * MAX_DIGITS:
        raise ToolError("a number is too large", expected=f"at most {MAX_DIGITS} digits")
    return _bounded(Fraction(value) ** int(exponent))


def _bounded(value: Fraction) -> Fraction:
    """The value, when its numerator and denominator are short enough."""
    if max(abs(value.numerator), value.denominator) >= 10**MAX_DIGITS:
        raise ToolError("a number is too large", expected=f"at most {MAX_DIGITS} digits")
    return value
