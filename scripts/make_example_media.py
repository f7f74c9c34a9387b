#!/usr/bin/env python3
"""Draws the pictures in examples/media/; the sound there was spoken with espeak-ng (see agentmm/world/speech.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from agentmm.world.codes import make_code
from agentmm.world.documents import make_document
from agentmm.world.scenes import Scene, make_scene

FOLDER = Path(__file__).parents[1] / "examples" / "media"


def scene(wanted: Callable[[Scene], bool], first: int) -> Scene:
    """The first scene from a seed on that is as wanted."""
    for seed in range(first, first + 20_000):
        found = make_scene(np.random.default_rng(seed))
        if wanted(found):
            return found
    raise SystemExit("no such scene")


def busy(found: Scene) -> bool:
    """Several red circles, one star, more circles than squares, five triangles at most."""
    return (
        found.count("circle", "red") >= 2
        and found.count("star") == 1
        and found.count("circle") > found.count("square") > 0
        and found.count("triangle") >= 1
        and min(shape.visible for shape in found.shapes) > 0.9
    )


def save(pixels: np.ndarray, name: str) -> None:
    """Write one picture."""
    Image.fromarray(pixels).save(FOLDER / name, optimize=True)
    print(name, pixels.shape)


def main() -> None:
    """Draw every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    first = scene(busy, 50_000)
    save(first.pixels, "scene.png")
    few = first.count("triangle")
    save(
        scene(lambda s: s.count("triangle") > few and min(x.visible for x in s.shapes) > 0.9, 60_000).pixels,
        "scene_2.png",
    )
    for kind, seed in {"receipt": 18, "sign": 14, "chart": 5, "table": 16, "label": 15, "invoice": 13}.items():
        save(make_document(np.random.default_rng(seed), kind=kind).pixels, f"{kind}.png")
    save(make_code(np.random.default_rng(3)).pixels, "code.png")


if __name__ == "__main__":
    main()
