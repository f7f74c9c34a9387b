"""Patterns with alternatives: `[Could|Can] you count the {a}[, please|]?` stands for each of its four sentences.

`[x|y]` is one of the two, `[x|]` is x or nothing; they may be nested. Spaces are squeezed; none stays before a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

MOST = 1000
"""Sentences that one pattern may stand for at most."""

_MARKS = re.compile(r"[\[\]|]")
_Choice = list["list[str | _Choice]"]
"""Alternatives; each is a row of texts and of further choices."""


def sentences(pattern: str) -> tuple[str, ...]:
    """All sentences of a pattern, each once, in the order in which it names them.

    Raises:
        ValueError: a bracket without its partner, `|` outside brackets, or more than `MOST` sentences.
    """
    rows = _Reader(pattern).read()
    if _count(rows) > MOST:
        raise ValueError(f"more than {MOST} sentences in {pattern!r}")
    return tuple(dict.fromkeys(_tidy(text) for text in _texts(rows)))


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def read(self) -> _Choice:
        """The whole pattern as a choice of one."""
        choice = self._choice(inside=False)
        if self.at < len(self.pattern):
            raise ValueError(f"{self.pattern[self.at]!r} without a bracket before it in {self.pattern!r}")
        return choice

    def _choice(self, *, inside: bool) -> _Choice:
        """Alternatives up to the closing bracket, which is left."""
        choice: _Choice = [[]]
        while self.at < len(self.pattern) and (mark := self.pattern[self.at]) != "]":
            if mark == "[":
                choice[-1].append(self._bracket())
            elif mark == "|" and inside:
                self.at += 1
                choice.append([])
            elif mark == "|":
                break
            else:
                choice[-1].append(self._text())
        return choice

    def _bracket(self) -> _Choice:
        self.at += 1
        choice = self._choice(inside=True)
        if self.at >= len(self.pattern):
            raise ValueError(f"a bracket is not closed in {self.pattern!r}")
        self.at += 1
        return choice

    def _text(self) -> str:
        found = _MARKS.search(self.pattern, self.at)
        start, self.at = self.at, found.start() if found else len(self.pattern)
        return self.pattern[start : self.at]


def _count(choice: _Choice) -> int:
    total = 0
    for row in choice:
        ways = 1
        for part in row:
            ways *= 1 if isinstance(part, str) else _count(part)
        total += ways
    return total


def _texts(choice: _Choice) -> Iterator[str]:
    for row in choice:
        for parts in product(*([part] if isinstance(part, str) else list(_texts(part)) for part in row)):
            yield "".join(parts)


def _tidy(text: str) -> str:
    return re.sub(r" (?=[,.?!:;])", "", " ".join(text.split()))
