"""Families without words of their own: what is asked can only be read off the demonstrations they come with.

Small operations on lines and shapes: the second line but one, the colour of what lies lowest, all shapes without the
circles. The three of `untrained.py` are none of them, though made alike: they measure what was learnt here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agentmm.world.documents.page import Document
from agentmm.world.families.family import Draw, Family, Rng, Slots, balanced
from agentmm.world.families.printed import Line, lines
from agentmm.world.families.things import Found, find, found, present
from agentmm.world.program import Program, cited, missing, one
from agentmm.world.scenes import Scene, Shape

_APART_PX = 10
"""Least distance between the shape that is meant and the next one, along the way of looking."""

_PLACES = {"first": 0, "second": 1, "third": 2, "last_but_one": -2, "last_but_two": -3}
"""Lines by their place; the last one is asked by `untrained.bottom_line` alone."""

_LONGEST = {"longest": True, "shortest": False}

_SIDES = {"left": (0, 1), "right": (0, -1), "top": (1, 1), "low": (1, -1)}
"""Ways of looking: the axis, and whether from its beginning (1) or its end (-1)."""

_ATTRIBUTES = ("shape", "colour", "size")


@dataclass(frozen=True)
class _Line:
    """One line of a page, by its place or its length."""

    pick: Callable[[Sequence[str]], int | None]

    def draw(self, media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
        """The line; None where there is none such."""
        printed = media[0].lines
        at = self.pick(printed)
        return None if at is None else Draw({}, (printed[at],), tuple(set(printed) - {printed[at]}))

    def program(self, slots: Slots, media: Sequence[str]) -> Program:
        """Read, and cite the line."""
        seen = yield from one("read_text", image=media[0])
        printed: list[Line] = lines(seen)
        at = self.pick([line.text for line in printed])
        return missing("text") if at is None else cited(printed[at].text, printed[at].handle)


def _at(place: int) -> Callable[[Sequence[str]], int | None]:
    least = place + 1 if place >= 0 else -place
    return lambda texts: place if len(texts) > max(least, 3) else None


def _by_length(longest: bool) -> Callable[[Sequence[str]], int | None]:
    def pick(texts: Sequence[str]) -> int | None:
        ordered = sorted(range(len(texts)), key=lambda i: -len(texts[i]) if longest else len(texts[i]))
        clear = len(ordered) > 2 and abs(len(texts[ordered[0]]) - len(texts[ordered[1]])) > 1
        return ordered[0] if clear else None

    return pick


@dataclass(frozen=True)
class _Outermost:
    """An attribute of the shape that is first, or second, along a way of looking."""

    side: str
    attribute: str
    place: int = 0

    def draw(self, media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        """The attribute; None where the order is not clear."""
        axis, sign = _SIDES[self.side]
        ordered: list[Shape] = sorted(media[0].shapes, key=lambda shape: sign * shape.centre[axis])
        along = [shape.centre[axis] for shape in ordered[: self.place + 2]]
        if len(along) < self.place + 2 or any(abs(a - b) < _APART_PX for a, b in pairwise(along)):
            return None
        return Draw({}, (str(getattr(ordered[self.place], self.attribute)),))

    def program(self, slots: Slots, media: Sequence[str]) -> Program:
        """Look, and cite the shape."""
        axis, sign = _SIDES[self.side]
        seen = yield from one("detect", image=media[0])
        entries: list[Found] = sorted(found(seen), key=lambda entry: sign * (entry.y if axis else entry.x))
        if len(entries) <= self.place:
            return missing("shape")
        return cited(entries[self.place].word(self.attribute), entries[self.place].handle)


@dataclass(frozen=True)
class _Reckoned:
    """The number of all shapes and that of some, with a sign between them."""

    sign: str
    among: str

    def draw(self, media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        """The value, over things that are there."""
        scene = media[0]
        thing = balanced(rng, present(scene, (self.among,)), lambda one: len(find(scene, one)))
        if thing is None or len(find(scene, thing)) == len(scene.shapes):
            return None
        every, some = len(scene.shapes), len(find(scene, thing))
        value = {"-": every - some, "+": every + some, "*": every * some}[self.sign]
        return Draw({"a": thing}, (str(value),))

    def program(self, slots: Slots, media: Sequence[str]) -> Program:
        """Look, and calculate with the tallies."""
        seen = yield from one("detect", image=media[0])
        tally = dict(seen.get({"shape": "labels", "colour": "colours"}[self.among], {}))
        value = yield from one("calculate", expression=f"{seen.get('count', 0)} {self.sign} {tally.get(slots['a'], 0)}")
        return str(value["value"])


_PAPER = ("receipt|label|sign|invoice",)


def _families() -> list[Family]:
    facts: dict[str, Any] = {"weight": 0}
    picks = {name: _at(place) for name, place in _PLACES.items()}
    picks |= {name: _by_length(longest) for name, longest in _LONGEST.items()}
    made = [
        Family(f"coined_line_{name}", "document", "text", _PAPER, one.draw, one.program, **facts)
        for name, one in ((name, _Line(pick)) for name, pick in picks.items())
    ]
    for side in _SIDES:
        for attribute in _ATTRIBUTES:
            for place in (0, 1):
                if (side, attribute, place) == ("left", "shape", 0):
                    continue  # `untrained.far_left`
                one = _Outermost(side, attribute, place)
                name = f"coined_{side}_{attribute}_{place + 1}"
                made.append(Family(name, "scene", attribute, ("scene",), one.draw, one.program, **facts))
    for sign, word in (("-", "without"), ("+", "with"), ("*", "times")):
        for among in ("shape", "colour"):
            if (sign, among) == ("-", "colour"):
                continue  # `untrained.other_than`
            some = _Reckoned(sign, among)
            slots: Any = {"a": "colour" if among == "colour" else "things"}
            made.append(
                Family(f"coined_{word}_{among}", "scene", "number", ("scene",), some.draw, some.program, slots, **facts)
            )
    return made


FAMILIES = _families()
"""Asked only in words made up for them."""
