"""Families that the planner answers from its own look at the picture: no tool says it, and the gold program calls none.

What eyes tell is in a question's slots under `SEEN`; a program that is not given it cannot answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentmm.world.families.family import Draw, Family, Rng, Slots
from agentmm.world.families.several import picture
from agentmm.world.program import Program, concluded
from agentmm.world.scenes import Scene
from agentmm.world.sights import ARRANGEMENTS, PAGES, Sight

SEEN = "seen"
"""The slot that no template has a place for: what eyes tell."""

_NO_EYES = "unanswerable: a program has no eyes"
_MANY = "|".join(("scene", *PAGES))
_ENOUGH = 5


def _word(*words: str) -> Any:
    """Draw the word that a picture was made for, one of `words`."""

    def draw(media: Sequence[Sight], rng: Rng, absent: bool) -> Draw | None:
        word = media[0].seen
        return Draw({SEEN: word}, (word,), tuple(other for other in words if other != word))

    return draw


def _arrangement(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """How the shapes lie; those of a scene are scattered, if there are enough of them."""
    truth = media[0]
    if isinstance(truth, Scene) and len(truth.shapes) < _ENOUGH:
        return None
    word = "scattered" if isinstance(truth, Scene) else truth.seen
    return Draw({SEEN: word}, (word,), tuple(other for other in ARRANGEMENTS if other != word))


def _at_the_border(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """Whether something touches the border or is cut by it; None for a scene where that is a matter of a pixel."""
    truth = media[0]
    if isinstance(truth, Scene):
        gaps = [min(x0, y0, truth.width - x1, truth.height - y1) for x0, y0, x1, y1 in (s.box for s in truth.shapes)]
        if not gaps or -2 < min(gaps) < 4:
            return None
        word = "yes" if min(gaps) < 0 else "no"
    else:
        word = truth.seen
    return Draw({SEEN: word}, (word,), ("no" if word == "yes" else "yes",))


def _kind_of(truth: Any) -> str:
    return "drawing" if isinstance(truth, Scene) else str(truth.kind)


def _kind(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """What sort of picture it is."""
    kind = _kind_of(media[0])
    return Draw({SEEN: kind}, (kind,), tuple(other for other in ("drawing", *PAGES) if other != kind))


def _which(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """Which of three pictures, all of different sorts, is of a sort."""
    kinds = [_kind_of(truth) for truth in media]
    if len(set(kinds)) < len(kinds):
        return None
    at = int(rng.integers(len(kinds)))
    return Draw({"a": kinds[at], SEEN: " ".join(kinds)}, picture(at))


def _program(slots: Slots, media: Sequence[str]) -> Program:
    """Say what is seen."""
    yield from ()
    return slots.get(SEEN) or _NO_EYES


def _which_program(slots: Slots, media: Sequence[str]) -> Program:
    """Name the sort of each picture, then the picture of the asked sort."""
    yield from ()
    kinds = slots.get(SEEN, "").split()
    if slots["a"] not in kinds:
        return _NO_EYES
    named = ", ".join(f"{number} {kind}" for number, kind in enumerate(kinds, 1))
    return concluded(named, picture(kinds.index(slots["a"]))[0])


FAMILIES = [
    Family("arrangement", "sight", "text", ("arranged|arranged|arranged|scene",), _arrangement, _program, {}, 0.9),
    Family("at_the_border", "sight", "yes_no", ("edged|edged|edged|scene",), _at_the_border, _program, {}, 0.9),
    Family("busy", "sight", "text", ("crowd",), _word("busy", "empty"), _program, {}, 0.9),
    Family("same_halves", "sight", "yes_no", ("halves",), _word("yes", "no"), _program, {}, 0.9),
    Family("upside_down", "sight", "yes_no", ("turned",), _word("yes", "no"), _program, {}, 0.9),
    Family("sort", "sight", "text", (_MANY,), _kind, _program, {}, 0.9),
    Family("which_sort", "sight", "picture", (_MANY,) * 3, _which, _which_program, {"a": "text"}, 0.9),
]
"""What eyes tell."""
