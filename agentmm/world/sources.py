"""The media of questions as recipes: a name and a seed that give the same picture or sound on every machine.

A question holds recipes and no pixels; they are made when somebody looks. Knows no question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.scenes import Scene, make_scene

SPLITS = ("train", "val", "test", "hard")
"""The parts of the world; their media have different seeds."""

SEEDS_PER_SPLIT = 1_000_000_000

Rng = np.random.Generator


@dataclass(frozen=True)
class Medium:
    """A picture or a sound that can be made at any time.

    Attributes:
        kind: `image` or `audio`.
        recipe: what it is: `scene`, `receipt`, `codes`, ...
        seed: the only source of chance.
        blur_px: sigma of a further blur of the picture, in px.
        turned: degrees counter-clockwise, whole quarters, by which the picture was turned afterwards.
    """

    kind: Literal["image", "audio"]
    recipe: str
    seed: int
    blur_px: float = 0.0
    turned: int = 0

    @property
    def truth(self) -> Any:
        """The made object with everything that is true about it: a `Scene`, a `Document`, ..., before it was turned."""
        return _made(self.recipe, self.seed)

    @property
    def pixels(self) -> np.ndarray:
        """The picture, uint8 [H, W, 3] RGB."""
        pixels = self.truth.pixels
        if self.blur_px:
            from agentmm.world.documents import degrade

            pixels = degrade.blur(pixels, self.blur_px)
        return np.ascontiguousarray(np.rot90(pixels, self.turned // 90)) if self.turned else pixels

    @property
    def key(self) -> str:
        """The recipe as one word; equal ones give equal media."""
        return f"{self.recipe}_{self.seed}_{self.blur_px}" + (f"_{self.turned}" if self.turned else "")

    @property
    def sound(self) -> tuple[np.ndarray, int]:
        """The samples, float32 [N] in -1..1, and their rate in Hz."""
        return self.truth.samples, self.truth.rate_hz


@lru_cache(maxsize=128)
def _made(recipe: str, seed: int) -> Any:
    return RECIPES[recipe](np.random.default_rng([2026, seed]))


def _scene(rng: Rng) -> Scene:
    """A scene, mostly 256 px square, else another size and format; half of them of few shapes and colours."""
    width, height = (256, 256) if rng.random() < 0.7 else (int(8 * rng.integers(24, 46)), int(8 * rng.integers(24, 46)))
    if rng.random() < 0.5:
        return make_scene(rng, width=width, height=height)
    shapes, colours = _few(rng, SHAPES, 4), _few(rng, tuple(COLOURS), 5)
    return make_scene(rng, number=int(rng.integers(4, 15)), width=width, height=height, shapes=shapes, colours=colours)


def _few(rng: Rng, options: Sequence[str], most: int) -> tuple[str, ...]:
    """Two to `most` of the options."""
    picks = rng.permutation(len(options))[: int(rng.integers(2, most + 1))]
    return tuple(options[int(i)] for i in picks)


def _document(kind: str) -> Callable[[Rng], Any]:
    def make(rng: Rng) -> Any:
        from agentmm.world.documents import make_document

        return make_document(rng, kind)

    return make


def _codes(rng: Rng) -> Any:
    from agentmm.world.families.codes import make_codes

    return make_codes(rng)


def _code(rng: Rng) -> Any:
    from agentmm.world.codes import make_code

    return make_code(rng)


def _note(rng: Rng) -> Any:
    from agentmm.world.speech import make_note

    return make_note(rng)


def _spoken(rng: Rng) -> Any:
    from agentmm.world.speech import make_spoken

    return make_spoken(rng)


def _sight(maker: str) -> Callable[[Rng], Any]:
    def make(rng: Rng) -> Any:
        from agentmm.world import sights

        return getattr(sights, maker)(rng)

    return make


def _turned_page(kind: str) -> Callable[[Rng], Any]:
    def make(rng: Rng) -> Any:
        from agentmm.world.sights import make_turned_page

        return make_turned_page(rng, kind)

    return make


RECIPES: dict[str, Callable[[Rng], Any]] = {
    "scene": _scene,
    "codes": _codes,
    "code": _code,
    "note": _note,
    "spoken": _spoken,
    **{kind: _sight(f"make_{kind}") for kind in ("arranged", "edged", "crowd", "halves", "turned")},
    **{f"turned_{kind}": _turned_page(kind) for kind in ("receipt", "invoice", "label", "sign", "table")},
    **{kind: _document(kind) for kind in ("receipt", "invoice", "sign", "label", "table", "chart")},
}
"""Recipe -> maker of the truth object from a generator."""

SOUNDS = frozenset({"note", "spoken"})
"""The recipes that make sounds."""


def medium(recipe: str, seed: int) -> Medium:
    """The medium that a recipe makes from a seed."""
    return Medium("audio" if recipe in SOUNDS else "image", recipe, seed)


def media_seed(split: str, rng: Rng) -> int:
    """A seed of the split's own range: no medium of one split occurs in another."""
    return SPLITS.index(split) * SEEDS_PER_SPLIT + int(rng.integers(SEEDS_PER_SPLIT))
