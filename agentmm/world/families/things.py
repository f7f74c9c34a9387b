"""The things of a scene as words: `large red circle` is a size, a colour and a shape, each of which may be left out.

The form without article and plural is the one that questions' slots and tool arguments hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.families.family import Rng, choose
from agentmm.world.program import Observation
from agentmm.world.scenes import SIZES, Scene, Shape

PARTS: dict[str, tuple[str, ...]] = {"size": tuple(SIZES), "colour": tuple(COLOURS), "shape": SHAPES}
"""The words of each part of a thing, in the order in which they are said."""

ANY_THING = ("shape", "thing", "object", "figure", "item")
"""Words for a thing whose shape is not said."""


def plural(noun: str) -> str:
    """`circle` -> `circles`, `cross` -> `crosses`."""
    return noun + ("es" if noun.endswith("s") else "s")


def named(thing: str) -> str:
    """A thing as one says it: `red` -> `red shape`, `large star` -> `large star`."""
    return thing if thing.split(" ")[-1] in SHAPES else f"{thing} shape".strip()


def parts(thing: str) -> dict[str, str]:
    """The parts that a thing's words give: `red circle` -> `{"colour": "red", "shape": "circle"}`."""
    return {part: word for word in thing.split() for part, words in PARTS.items() if word in words}


def has(shape: Shape, thing: str) -> bool:
    """Whether a shape of a scene is such a thing."""
    return all(getattr(shape, part) == word for part, word in parts(thing).items())


def find(scene: Scene, thing: str) -> list[Shape]:
    """The shapes of a scene that are such a thing."""
    return [shape for shape in scene.shapes if has(shape, thing)]


def thing_of(shape: Shape, which: Iterable[str]) -> str:
    """The thing that some parts of a shape make: (`colour`, `shape`) -> `red circle`."""
    chosen = set(which)
    return " ".join(getattr(shape, part) for part in PARTS if part in chosen)


def present(scene: Scene, which: Sequence[str]) -> list[str]:
    """The different things, of the given parts, that a scene has; sorted."""
    return sorted({thing_of(shape, which) for shape in scene.shapes})


def unique(scene: Scene, which: Sequence[str]) -> list[str]:
    """The things that occur exactly once; sorted."""
    return [thing for thing in present(scene, which) if len(find(scene, thing)) == 1]


def lacking(scene: Scene, rng: Rng, which: Sequence[str]) -> str | None:
    """A thing that the scene has not, near to what it has where possible."""
    for _ in range(20):
        thing = " ".join(str(choose(rng, PARTS[part])) for part in PARTS if part in which)
        if not find(scene, thing):
            return thing
    return None


def apart(first: str, second: str) -> bool:
    """Whether no shape can be both things."""
    a, b = parts(first), parts(second)
    return any(a[part] != b[part] for part in a if part in b)


def pairs(things: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of things that share no shape."""
    return [(a, b) for a, b in combinations(things, 2) if apart(a, b)]


@dataclass(frozen=True)
class Found:
    """One entry of what `detect` returns: `region_1 red circle large 120,88`."""

    handle: str
    words: tuple[str, ...]
    x: int
    y: int

    def word(self, part: str) -> str:
        """The size, colour or shape that the entry names; empty where it names none."""
        return next((word for word in self.words if word in PARTS[part]), "")

    def is_a(self, thing: str) -> bool:
        """Whether the entry has every word of the thing."""
        return set(thing.split()) <= set(self.words)


def found(seen: Observation) -> list[Found]:
    """The entries of a `detect` observation, in their order."""
    return [entry for entry in map(_entry, seen.get("found", [])) if entry is not None]


def _entry(line: str) -> Found | None:
    words = line.split()
    if len(words) < 2 or "," not in words[-1]:
        return None
    x, _, y = words[-1].partition(",")
    return Found(words[0], tuple(words[1:-1]), int(x), int(y)) if x.isdigit() and y.isdigit() else None
