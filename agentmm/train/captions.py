"""Caption rows for the PT stage: a generated picture, a short true sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agentmm.model.pixels import square_pixels
from agentmm.planner.render import Renderer
from agentmm.train.rowset import PixelFile, Row, RowSet
from agentmm.world.documents.captions import document_caption
from agentmm.world.families.things import plural
from agentmm.world.scenes import Scene
from agentmm.world.sights import Sight, TurnedPage
from agentmm.world.sources import RECIPES, SOUNDS, media_seed, medium

_ASKED = ("Describe the picture.", "What is in the picture?", "What do you see?")


def caption_examples(n: int, seed: int) -> Iterator[tuple[Any, str, str]]:
    """Pairs for captions, the same for the same arguments.

    Yields:
        (uint8 [H, W, 3] picture, question, caption); a third of them scenes, half of the rest pages.
    """
    rng = np.random.default_rng([11, seed])
    sights = [name for name in sorted(RECIPES) if name in SEEN or name.startswith("turned_")]
    pages = sorted(set(RECIPES) - SOUNDS - {"scene", *sights})
    for _ in range(n):
        draw = rng.random()
        recipe = "scene" if draw < 1 / 3 else _one(rng, pages) if draw < 2 / 3 else _one(rng, sights)
        truth = medium(recipe, media_seed("train", rng)).truth
        caption = caption_of(truth, rng, recipe)
        if caption:
            yield truth.pixels, _one(rng, _ASKED), caption


def _one(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


SEEN: dict[str, dict[str, str]] = {
    "arranged": {
        "row": "shapes in a row", "ring": "shapes in a ring", "heap": "shapes in a heap",
        "scattered": "scattered shapes",
    },
    "edged": {"yes": "a shape at the border", "no": "no shape at the border"},
    "crowd": {"busy": "a busy picture", "empty": "an empty picture"},
    "halves": {"yes": "the same scene twice", "no": "two different scenes"},
    "turned": {"yes": "a page upside down", "no": "a page the right way up"},
}  # fmt: skip
"""Recipe -> what eyes tell -> caption."""


def caption_of(truth: Any, rng: np.random.Generator, recipe: str = "") -> str:
    """A short true sentence about what a medium shows; empty where nothing is known."""
    if isinstance(truth, Sight):
        return SEEN[recipe][truth.seen]
    if isinstance(truth, TurnedPage):
        return f"a {truth.page.kind}, turn it by {truth.degrees}"
    if isinstance(truth, Scene):
        return scene_caption(truth)
    if not (hasattr(truth, "lines") and hasattr(truth, "fields")):
        return ""
    return f"a {truth.kind}, turn it by 0" if rng.random() < 0.7 else document_caption(truth, rng)


def scene_caption(scene: Scene) -> str:
    """`3 shapes: 2 red circles, 1 blue star`, the most frequent first."""
    kinds = Counter((shape.colour, shape.shape) for shape in scene.shapes)
    parts = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{count} {colour} {shape if count == 1 else plural(shape)}" for (colour, shape), count in parts)
    total = len(scene.shapes)
    return f"{total} shape{'' if total == 1 else 's'}: {told}" if told else "no shapes"


def caption_rows(renderer: Renderer, n: int, seed: int, folder: Path, size: int) -> RowSet:
    """Rendered caption rows; the squares are kept in `folder`."""
    squares, rows = PixelFile(folder / f"captions_{seed}.u8", size), []
    media = {"image_1": {"kind": "image", "sha": ""}}
    for index, (pixels, question, caption) in enumerate(caption_examples(n, seed)):
        number = squares.add(str(index), square_pixels(pixels, size))
        asked = [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": question}]
        rendered = renderer.render(
            [{"role": "user", "content": asked}, {"role": "assistant", "content": caption}], (), media
        )
        rows.append(Row(rendered.ids, rendered.loss_mask, [number]))
    return RowSet.of(rows, squares.array(), size)
