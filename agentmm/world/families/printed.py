"""Reads what `read_text` returns: lines with handles, the value beside a label, the number in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agentmm.world.families.family import Rng, choose
from agentmm.world.program import Observation

ALIKE = 0.75
"""Least likeness, 0..1, at which a misread label still counts as the asked one."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Line:
    """One line that `read_text` found: `region_2 TOTAL 12.50`."""

    handle: str
    text: str


@dataclass(frozen=True)
class Beside:
    """A value with the line that it stands on."""

    value: str
    handle: str

    @property
    def number(self) -> str:
        """The last number in the value, as printed; empty where there is none."""
        numbers = _NUMBER.findall(self.value)
        return numbers[-1].replace(",", ".") if numbers else ""


def lines(seen: Observation) -> list[Line]:
    """The lines of a `read_text` observation."""
    split = (str(entry).split(" ", 1) for entry in seen.get("lines", []))
    return [Line(parts[0], parts[1] if len(parts) > 1 else "") for parts in split]


def beside(printed: Sequence[Line], label: str) -> Beside | None:
    """The value that stands beside a label: on its line after it, else on the next line.

    A label that was read with a wrong letter is found too, where no line has it exactly.
    """
    exact = [(i, rest) for i, line in enumerate(printed) if (rest := after(line.text, label)) is not None]
    found = exact[0] if exact else _alike(printed, label)
    if found is None:
        return None
    at, rest = found
    value = rest.strip(" :.")
    if not value and at + 1 < len(printed):
        return Beside(printed[at + 1].text, printed[at + 1].handle)
    return Beside(value, printed[at].handle) if value else None


def after(text: str, label: str) -> str | None:
    """What follows a label that a line begins with; None where it does not.

    Case and lost or added spaces do not matter; no letter of a longer word may follow.
    """
    wanted, at = "".join(label.casefold().split()), 0
    for i, letter in enumerate(text):
        if at == len(wanted):
            return None if letter.isalpha() and not text[i - 1].isspace() else text[i:]
        if letter.isspace():
            continue
        if letter.casefold() != wanted[at]:
            return None
        at += 1
    return "" if at == len(wanted) else None


def _alike(printed: Sequence[Line], label: str) -> tuple[int, str] | None:
    """Place and rest of the line whose first words are most like the label."""
    size = len(label.split())
    heads = [(" ".join(line.text.split()[:size]).strip(":"), i) for i, line in enumerate(printed)]
    if not heads:
        return None
    best, at = max(((alike(head, label), -i) for head, i in heads), default=(0.0, 0))
    return (-at, " ".join(printed[-at].text.split()[size:])) if best >= ALIKE else None


def alike(a: str, b: str) -> float:
    """Likeness of two texts, 0..1, case aside."""
    return SequenceMatcher(None, a.casefold(), b.casefold()).ratio()


def unlike(rng: Rng, pool: Sequence[str], texts: Sequence[str]) -> str | None:
    """A word of the pool that is like nothing in the texts; None where chance finds none."""
    words = {word.strip(":.,") for text in texts for word in text.split()} | set(texts)
    for _ in range(10):
        word = str(choose(rng, pool))
        if all(alike(word, other) < 0.6 for other in words) and not any(
            word.casefold() in text.casefold() for text in texts
        ):
            return word
    return None
