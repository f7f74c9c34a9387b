"""Three families that no training sees: what a planner does with them, it has from their demonstrations.

`agentmm eval examples` asks them with none, one and two demonstrations before the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentmm.world.documents.page import Document
from agentmm.world.families.family import Draw, Family, Rng, Slots, balanced
from agentmm.world.families.printed import lines
from agentmm.world.families.things import find, found, present
from agentmm.world.program import Program, cited, missing, one
from agentmm.world.scenes import Scene

_APART_PX = 10
"""Least distance across between the leftmost shape and the next."""


def _bottom(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """The last printed line."""
    page = media[0]
    return Draw({}, (page.lines[-1],), tuple(set(page.lines[:-1]) - {page.lines[-1]}))


def _bottom_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_text", image=media[0])
    printed = lines(seen)
    return cited(printed[-1].text, printed[-1].handle) if printed else missing("text")


def _far_left(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """The form of what lies furthest left, where that is clear."""
    ordered = sorted(media[0].shapes, key=lambda shape: shape.centre)
    if len(ordered) < 2 or ordered[1].centre[0] - ordered[0].centre[0] < _APART_PX:
        return None
    return Draw({}, (ordered[0].shape,))


def _far_left_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("detect", image=media[0])
    entries = sorted(found(seen), key=lambda entry: entry.x)
    return cited(entries[0].word("shape"), entries[0].handle) if entries else missing("shape")


def _other_than(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """How many shapes have another colour than the one named."""
    scene = media[0]
    colour = balanced(rng, present(scene, ("colour",)), lambda one: len(find(scene, one)))
    if colour is None or len(find(scene, colour)) == len(scene.shapes):
        return None
    return Draw({"a": colour}, (str(len(scene.shapes) - len(find(scene, colour))),))


def _other_than_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("detect", image=media[0])
    among = int(dict(seen.get("colours", {})).get(slots["a"], 0))
    rest = yield from one("calculate", expression=f"{seen.get('count', 0)} - {among}")
    return str(rest["value"])


_FACTS: dict[str, Any] = {"weight": 0}

FAMILIES = [
    Family("bottom_line", "document", "text", ("receipt|label|sign",), _bottom, _bottom_program, **_FACTS),
    Family("far_left", "scene", "shape", ("scene",), _far_left, _far_left_program, **_FACTS),
    Family("other_than", "scene", "number", ("scene",), _other_than, _other_than_program, {"a": "colour"}, **_FACTS),
]
"""Asked by name alone."""
