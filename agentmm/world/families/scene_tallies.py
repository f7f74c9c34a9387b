"""Families answered from the tallies that `detect` gives when nothing is asked of it: most, least, how many kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from agentmm.world.families.family import Draw, Family, Rng, Slots
from agentmm.world.families.things import plural
from agentmm.world.program import Program, concluded, one
from agentmm.world.scenes import Scene

_TALLIES = {"shape": "labels", "colour": "colours"}


def _tally(scene: Scene, part: str) -> list[tuple[str, int]]:
    """Names with their counts, the most frequent first, then by name, as `detect` lists them."""
    return sorted(Counter(getattr(s, part) for s in scene.shapes).items(), key=lambda pair: (-pair[1], pair[0]))


def _end(part: str, last: bool) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw the most (or least) frequent shape or colour; no ties."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        tally = _tally(media[0], part)
        if len(tally) < 2 or len(media[0].shapes) > 10:
            return None
        best, next_best = (tally[-1], tally[-2]) if last else (tally[0], tally[1])
        if best[1] == next_best[1]:
            return None
        return Draw({}, (best[0], plural(best[0])) if part == "shape" else (best[0],))

    return draw


def _end_program(part: str, last: bool) -> Callable[[Slots, Sequence[str]], Program]:
    """The first or the last name of a tally, which is noted down to it: the answer is what was noted last."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("detect", image=media[0])
        tally = seen.get(_TALLIES[part], {})
        if not tally:
            return "unanswerable: no shape found"
        read = list(tally.items()) if last else list(tally.items())[:1]
        return concluded(", ".join(f"{name} {count}" for name, count in read), read[-1][0])

    return program


def _kinds(part: str) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        return Draw({}, (str(len(_tally(media[0], part))),)) if len(media[0].shapes) <= 10 else None

    return draw


def _kinds_program(part: str) -> Callable[[Slots, Sequence[str]], Program]:
    """How many names a tally has: they are counted in the thought."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("detect", image=media[0])
        names = list(seen.get(_TALLIES[part], {}))
        noted = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
        return concluded(noted, str(len(names))) if names else "0"

    return program


FAMILIES = [
    *(
        Family(f"{end}_{part}", "scene", part, ("scene",), _end(part, last), _end_program(part, last), {}, 0.6)
        for end, last in (("most", False), ("least", True))
        for part in ("shape", "colour")
    ),
    *(
        Family(f"different_{part}s", "scene", "number", ("scene",), _kinds(part), _kinds_program(part), {}, 0.4)
        for part in ("shape", "colour")
    ),
]
"""Most, least and how many kinds in one scene."""
