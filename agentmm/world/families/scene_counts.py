"""Families that count the things of one scene and compare the counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from agentmm.world.families.family import Draw, Family, Rng, SlotKind, Slots, balanced, choose, said, yes_no
from agentmm.world.families.things import apart, find, lacking, named, pairs, plural, present
from agentmm.world.program import Call, Program, concluded, one, several
from agentmm.world.scenes import Scene

_WHOLE = ("colour", "shape")
_COUNTS = (0.04, 0.1, 0.19, 0.25, 0.24, 0.18)
"""How often 0, 1, 2, ... are wanted as answers; larger counts, which few scenes allow, more often."""


def _some(scene: Scene, rng: Rng, which: Sequence[str], none: float = 0.06) -> str | None:
    """A thing of the scene, its counts equally likely; now and then one that it has not."""
    if rng.random() < none:
        return lacking(scene, rng, which)
    return balanced(rng, present(scene, which), lambda thing: len(find(scene, thing)))


def _counter(*options: Sequence[str]) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw a count of things made of one of the given sets of parts."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        which, scene = choose(rng, options), media[0]
        wanted = int(np.searchsorted(np.cumsum(_COUNTS), rng.random()))
        if not wanted:
            ghost = lacking(scene, rng, which)
            return Draw({"a": ghost}, ("0",)) if ghost else None
        thing = choose(rng, [thing for thing in present(scene, which) if len(find(scene, thing)) == wanted])
        return Draw({"a": thing}, (str(wanted),)) if thing else None

    return draw


def _all_shapes(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (str(len(media[0].shapes)),))


def _pairs(scene: Scene, rng: Rng) -> list[tuple[str, str]]:
    which = choose(rng, [("shape",), ("colour",), _WHOLE])
    if which != _WHOLE:
        return pairs(present(scene, which))
    first, second = _some(scene, rng, which, 0), _some(scene, rng, which)
    return [(first, second)] if first and second and apart(first, second) else []


def _two(scene: Scene, rng: Rng) -> tuple[str, str] | None:
    """Two kinds of thing that share no shape, at least one of them there."""
    options = _pairs(scene, rng)
    pair = balanced(rng, options, lambda pair: abs(len(find(scene, pair[0])) - len(find(scene, pair[1]))))
    return None if pair is None else (pair if rng.random() < 0.5 else (pair[1], pair[0]))


def _compared(
    answer: Callable[[str, str, int, int], tuple[str, ...] | None],
) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw two kinds of thing; `answer` gives the accepted forms from their names and counts, or None."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        pair = _two(media[0], rng)
        if pair is None:
            return None
        accepted = answer(*pair, *(len(find(media[0], thing)) for thing in pair))
        return None if accepted is None else Draw({"a": pair[0], "b": pair[1]}, accepted)

    return draw


def _same(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """Whether two kinds of thing are equally many; half the time they are."""
    wanted = rng.random() < 0.65  # equal counts are seldom found
    for _ in range(8):
        a, b = _two(media[0], rng) or ("", "")
        if a and (len(find(media[0], a)) == len(find(media[0], b))) == wanted:
            return Draw({"a": a, "b": b}, yes_no(wanted))
    return None


def _more(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """Whether there are more than a number of things; the number is near the truth."""
    thing = _some(media[0], rng, choose(rng, [("shape",), ("colour",), ("size",), ()]), 0)
    if thing is None:
        return None
    count = len(find(media[0], thing))
    number = max(1, count + int(rng.integers(-2, 2)))
    return Draw({"a": thing, "b": str(number)}, yes_no(count > number))


def _exact(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    thing = _some(media[0], rng, choose(rng, [("shape",), ("colour",), ("size",), _WHOLE]), 0)
    if thing is None:
        return None
    count = len(find(media[0], thing))
    number = count if rng.random() < 0.5 else max(1, count + int(choose(rng, (-1, 1, 2))))
    return Draw({"a": thing, "b": str(number)}, yes_no(count == number))


def _exist(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    which = choose(rng, [_WHOLE, _WHOLE, ("shape",), ("size", "shape"), ("size", "colour")])
    thing = _some(media[0], rng, which, 0.5)
    return None if thing is None else Draw({"a": thing}, yes_no(bool(find(media[0], thing))))


def _all_are(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """Whether every thing of a shape has a colour; a colour that at least one of them has."""
    scene = media[0]
    wanted = rng.random() < 0.8  # few scenes have two things of a shape in one colour
    options = []
    for shape in present(scene, ("shape",)):
        colours = sorted({s.colour for s in find(scene, shape)})
        if len(find(scene, shape)) >= 2 and (len(colours) == 1) == wanted:
            options += [(shape, colour) for colour in colours]
    pair = choose(rng, options)
    if pair is None:
        return None
    return Draw({"a": pair[0], "b": pair[1]}, yes_no(wanted))


def _counts(slots: Slots, media: Sequence[str], image: int = 0) -> list[Call]:
    """A call of `detect` for each of the slots `a` and `b`."""
    return [Call("detect", {"image": media[image], "what": slots[slot]}) for slot in ("a", "b")]


def _total(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("detect", image=media[0])
    return str(seen["count"])


def _from_count(answer: Callable[[int, Slots], str]) -> Callable[[Slots, Sequence[str]], Program]:
    """A program that counts the things of slot `a` and answers from the count."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        arguments = {"what": slots["a"]} if slots["a"] else {}
        seen = yield from one("detect", image=media[0], **arguments)
        return answer(int(seen["count"]), slots)

    return program


def _said_more(count: int, slots: Slots) -> str:
    return concluded(f"{count} > {slots['b']}", said(count > int(slots["b"])))


def _said_same(count: int, slots: Slots) -> str:
    return concluded(f"{count} = {slots['b']}", said(count == int(slots["b"])))


def _from_counts(answer: Callable[[int, int, Slots], str]) -> Callable[[Slots, Sequence[str]], Program]:
    """A program that counts the things of slots `a` and `b` in one step and answers from both counts."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        first, second = yield from several(_counts(slots, media))
        return answer(int(first["count"]), int(second["count"]), slots)

    return program


def _all_program(slots: Slots, media: Sequence[str]) -> Program:
    whole = {"a": slots["a"], "b": f"{slots['b']} {slots['a']}"}
    every, some = yield from several(_counts(whole, media))
    return concluded(f"{every['count']} = {some['count']}", said(0 < every["count"] == some["count"]))


def _difference(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """How many more of one kind than of another; one, two, three or four more."""
    wanted = 1 + int(np.searchsorted((0.15, 0.45, 0.75), rng.random()))
    for _ in range(6):
        a, b = _two(media[0], rng) or ("", "")
        if a and len(find(media[0], a)) - len(find(media[0], b)) == wanted:
            return Draw({"a": a, "b": b}, (str(wanted),))
    return None


def _which(first: str, second: str, m: int, n: int) -> tuple[str, ...] | None:
    best = first if m > n else second
    return None if m == n else tuple(dict.fromkeys([best, named(best), plural(named(best))]))


_count = _from_count(lambda n, s: str(n))
_THINGS: dict[str, SlotKind] = {"a": "things", "b": "things"}
_NUMBER: dict[str, SlotKind] = {"a": "things", "b": "number"}

FAMILIES = [
    Family("count_shape", "scene", "number", ("scene",), _counter(("shape",)), _count, {"a": "things"}, 2),
    Family("count_colour", "scene", "number", ("scene",), _counter(("colour",)), _count, {"a": "things"}, 1.5),
    Family("count_colour_shape", "scene", "number", ("scene",), _counter(_WHOLE), _count, {"a": "things"}, 1.4),
    Family(
        "count_size", "scene", "number", ("scene",),
        _counter(("size",), ("size", "shape"), ("size", "colour"), ("size", *_WHOLE)), _count, {"a": "things"}, 1.5,
    ),
    Family("total", "scene", "number", ("scene",), _all_shapes, _total, {}, 0.7),
    Family("exist", "scene", "yes_no", ("scene",), _exist, _from_count(lambda n, s: said(n > 0)), {"a": "thing"}, 0.5),
    Family("more_than", "scene", "yes_no", ("scene",), _more, _from_count(_said_more), _NUMBER, 0.4),
    Family("exactly", "scene", "yes_no", ("scene",), _exact, _from_count(_said_same), _NUMBER, 0.35),
    Family(
        "compare_counts", "scene", "yes_no", ("scene",),
        _compared(lambda a, b, m, n: yes_no(m > n) if m != n else None),
        _from_counts(lambda m, n, s: concluded(f"{m} > {n}", said(m > n))), _THINGS, 0.4,
    ),
    Family(
        "same_count", "scene", "yes_no", ("scene",), _same,
        _from_counts(lambda m, n, s: concluded(f"{m} = {n}", said(m == n))), _THINGS, 0.4,
    ),
    Family(
        "which_more", "scene", "text", ("scene",), _compared(_which),
        _from_counts(lambda m, n, s: concluded(f"{s['a']} {m}, {s['b']} {n}", s["a" if m > n else "b"])), _THINGS, 1.5,
    ),
    Family(
        "difference", "scene", "number", ("scene",), _difference,
        _from_counts(lambda m, n, s: concluded(f"{m} - {n}", str(abs(m - n)))), _THINGS, 0.7,
    ),
    Family(
        "sum", "scene", "number", ("scene",), _compared(lambda a, b, m, n: (str(m + n),)),
        _from_counts(lambda m, n, s: concluded(f"{m} + {n}", str(m + n))), _THINGS,
    ),
    Family("all_are", "scene", "yes_no", ("scene",), _all_are, _all_program, {"a": "things", "b": "colour"}, 0.4),
]  # fmt: skip
"""Counting and comparing in one scene."""
