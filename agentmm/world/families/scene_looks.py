"""Families about one thing of a scene: its colour, size or shape, and where it lies beside another.

The thing is asked for by two of its parts where others share one of them, so that the answer must be chosen from
what `detect` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentmm.world.families.family import UNANSWERABLE, Draw, Family, Rng, Slots, balanced, choose, said, yes_no
from agentmm.world.families.things import Found, find, found, lacking, named, parts, present, unique
from agentmm.world.program import Call, Program, cited, missing, one, several, thinking
from agentmm.world.scenes import Scene, Shape

_APART_PX = 14
"""Least distance of two centres whose order along an axis is asked."""


def _look(part: str, shared: str, other: str) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw the `part` of a thing known by its `shared` part and its `other` part.

    Mostly several things have the shared part; one time in ten the shared part alone names the thing.
    """

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        scene = media[0]
        if absent:
            thing = lacking(scene, rng, (shared, other))
            return None if thing is None else Draw({"a": thing}, UNANSWERABLE)
        alone = rng.random() < 0.1
        things = unique(scene, (shared,)) if alone else _among(scene, shared, other, part)
        thing = balanced(rng, things, lambda thing: getattr(find(scene, thing)[0], part))
        return Draw({"a": thing}, (getattr(find(scene, thing)[0], part),)) if thing else None

    return draw


def _among(scene: Scene, shared: str, other: str, part: str) -> list[str]:
    """Unique things whose shared part others have too, with another value of the asked part."""

    def contested(thing: str) -> bool:
        same = find(scene, parts(thing)[shared])
        return len({getattr(shape, part) for shape in same}) >= 2 and len(same) <= 6

    return [thing for thing in unique(scene, (shared, other)) if contested(thing)]


def _look_program(part: str, shared: str) -> Callable[[Slots, Sequence[str]], Program]:
    """List what has the shared part, choose the asked thing, answer its `part`."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        thing = slots["a"]
        what = parts(thing).get(shared, thing)
        seen = yield from one("detect", image=media[0], what=what)
        match = next((entry for entry in found(seen) if entry.is_a(thing) and entry.word(part)), None)
        return cited(match.word(part), match.handle) if match else missing(named(thing))

    return program


def _along(shape: Shape, axis: int) -> float:
    return shape.centre[axis]


def _relation(axis: int, sign: int) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw whether one unique thing lies before another along an axis (0 across, 1 down)."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        scene, which = media[0], choose(rng, [("colour", "shape"), ("colour", "shape"), ("shape",)])
        names = unique(scene, which)
        if len(names) < (1 if absent else 2):
            return None
        a, b = (str(name) for name in rng.choice(names, 2, replace=len(names) == 1))
        if absent:
            ghost = lacking(scene, rng, which)
            pair = {"a": ghost, "b": b} if rng.random() < 0.5 else {"a": a, "b": ghost}
            return Draw({k: str(v) for k, v in pair.items()}, UNANSWERABLE) if ghost else None
        step = _along(find(scene, b)[0], axis) - _along(find(scene, a)[0], axis)
        return Draw({"a": a, "b": b}, yes_no(step * sign > 0)) if abs(step) >= _APART_PX else None

    return draw


def _relation_program(axis: int, sign: int) -> Callable[[Slots, Sequence[str]], Program]:
    """Find both things in one step and let `calculate` compare their centres."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        calls = [Call("detect", {"image": media[0], "what": slots[slot]}) for slot in ("a", "b")]
        seen = yield from several(calls)
        first, second = (next(iter(found(observation)), None) for observation in seen)
        if first is None or second is None:
            return missing(named(slots["a" if first is None else "b"]))
        truth = yield from thinking(_places(first, second), "calculate", expression=_ordered(first, second, axis, sign))
        return said(bool(truth["value"]))

    return program


def _ordered(first: Found, second: Found, axis: int, sign: int) -> str:
    """`120 < 88`: the comparison that says whether the first thing lies before (sign 1) or after the second."""
    a, b = ((entry.x, entry.y)[axis] for entry in (first, second))
    return f"{a} {'<' if sign > 0 else '>'} {b}"


def _places(*entries: Found) -> str:
    """`[region_1] 120,44 [region_3] 88,60`: where things lie."""
    return " ".join(cited(f"{entry.x},{entry.y}", entry.handle) for entry in entries)


def _extreme(axis: int, sign: int) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw the colour of the first of two things of one shape along an axis."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        scene = media[0]
        if absent:
            ghost = lacking(scene, rng, ("shape",))
            return Draw({"a": ghost}, UNANSWERABLE) if ghost else None
        options = [shape for shape in present(scene, ("shape",)) if _two_apart(scene, shape, axis)]
        shape = choose(rng, options)
        if shape is None:
            return None
        best = min(find(scene, shape), key=lambda s: sign * _along(s, axis))
        return Draw({"a": shape}, (best.colour,))

    return draw


def _two_apart(scene: Scene, shape: str, axis: int) -> bool:
    """Whether a shape occurs twice, in two colours, clearly one after the other."""
    two = find(scene, shape)
    if len(two) != 2 or two[0].colour == two[1].colour:
        return False
    return abs(_along(two[0], axis) - _along(two[1], axis)) >= _APART_PX


def _extreme_program(axis: int, sign: int) -> Callable[[Slots, Sequence[str]], Program]:
    """List the two things, let `calculate` compare their centres, answer the colour of the chosen one."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("detect", image=media[0], what=slots["a"])
        entries = found(seen)
        if not entries:
            return missing(named(slots["a"]))
        best = entries[0]
        if len(entries) > 1:
            pair = entries[0], entries[1]
            truth = yield from thinking(_places(*pair), "calculate", expression=_ordered(*pair, axis, sign))
            best = entries[0] if truth["value"] else entries[1]
        return cited(best.word("colour"), best.handle)

    return program


_SIDES = {"left_of": (0, 1), "right_of": (0, -1), "above": (1, 1), "below": (1, -1)}
_ENDS = {"leftmost_colour": (0, 1), "rightmost_colour": (0, -1), "topmost_colour": (1, 1), "lowest_colour": (1, -1)}

FAMILIES = [
    Family(
        "colour_of", "scene", "colour", ("scene",), _look("colour", "shape", "size"), _look_program("colour", "shape"),
        {"a": "thing"}, 2, 0.15,
    ),
    Family(
        "shape_of", "scene", "shape", ("scene",), _look("shape", "colour", "size"), _look_program("shape", "colour"),
        {"a": "thing"}, 2, 0.15,
    ),
    Family(
        "size_of", "scene", "size", ("scene",), _look("size", "shape", "colour"), _look_program("size", "shape"),
        {"a": "thing"}, 1.0, 0.15,
    ),
    *(
        Family(
            name, "scene", "yes_no", ("scene",), _relation(*way), _relation_program(*way),
            {"a": "thing", "b": "thing"}, 0.35, 0.12,
        )
        for name, way in _SIDES.items()
    ),
    *(
        Family(name, "scene", "colour", ("scene",), _extreme(*way), _extreme_program(*way), {"a": "things"}, 0.5, 0.12)
        for name, way in _ENDS.items()
    ),
]  # fmt: skip
"""Looks and places in one scene."""
