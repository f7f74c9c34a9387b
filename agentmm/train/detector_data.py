"""Training samples for the detector, made on the fly: scene number i of a seed is the same on every machine.

A quarter of the pictures are zoomed crops, so that crops and other sizes are seen too; a few have no shape at all.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmm.world.scenes import SHAPES, Scene, make_scene

SIDE_PX = 256
"""Pictures are trained at SIDE_PX x SIDE_PX."""

TRAIN, VALIDATION, HELD_OUT = 11, 12, 13
"""Streams of one seed: their scenes never meet."""


@dataclass(frozen=True)
class Sample:
    """One picture with its boxes.

    Attributes:
        pixels: uint8 [SIDE_PX, SIDE_PX, 3].
        boxes: float32 [n, 4], xyxy px.
        classes: int64 [n], index into `SHAPES`.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]


def scene_at(seed: int, stream: int, index: int, difficulty: float | None = None) -> Scene:
    """The scene with this number in a stream of a seed; its difficulty is 0.25-0.9 unless given."""
    rng = np.random.default_rng([seed, stream, index])
    return make_scene(rng, 0.25 + 0.65 * float(rng.random()) if difficulty is None else difficulty)


def sample_at(seed: int, index: int) -> Sample:
    """The training sample with this number."""
    rng = np.random.default_rng([seed, TRAIN, index])
    number = 0 if rng.random() < 0.03 else None
    scene = make_scene(rng, 0.25 + 0.75 * float(rng.random()), number=number)
    sample = Sample(scene.pixels, boxes_of(scene), np.array([SHAPES.index(s.shape) for s in scene.shapes], np.int64))
    return _zoomed(sample, rng) if rng.random() < 0.25 else sample


def boxes_of(scene: Scene) -> NDArray[np.float32]:
    """Boxes of a scene's shapes, float32 [n, 4]."""
    return np.array([s.box for s in scene.shapes], np.float32).reshape(-1, 4)


def _zoomed(sample: Sample, rng: np.random.Generator) -> Sample:
    """A square window of the picture, stretched to its full side; shapes with less than half inside are dropped."""
    from PIL import Image

    span = SIDE_PX * (0.45 + 0.5 * float(rng.random()))
    x, y = (float(rng.random()) * (SIDE_PX - span) for _ in range(2))
    window = (x, y, x + span, y + span)
    picture = Image.fromarray(sample.pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR, box=window)
    cut = sample.boxes.clip(np.array([x, y, x, y]), np.array([x + span, y + span] * 2)).astype(np.float32)
    keep = _areas(cut) >= 0.5 * _areas(sample.boxes)
    moved = (cut - np.array([x, y, x, y], np.float32)) * np.float32(SIDE_PX / span)
    return Sample(np.asarray(picture), moved[keep], sample.classes[keep])


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


@dataclass(frozen=True)
class Batch:
    """Several samples laid together.

    Attributes:
        pixels: uint8 [B, H, W, 3].
        owner: float32 [N], which picture each box belongs to.
        classes: float32 [N].
        boxes: float32 [n, 4], centre and size as shares of the side (what ultralytics' loss reads).
        last: number of the last sample.
    """

    pixels: NDArray[np.uint8]
    owner: NDArray[np.float32]
    classes: NDArray[np.float32]
    boxes: NDArray[np.float32]
    last: int


def batch_at(seed: int, first: int, size: int) -> Batch:
    """The batch of samples `first` to `first + size - 1`."""
    samples = [sample_at(seed, first + k) for k in range(size)]
    boxes = np.concatenate([s.boxes for s in samples]) / SIDE_PX
    centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    return Batch(
        np.stack([s.pixels for s in samples]),
        np.repeat(np.arange(size, dtype=np.float32), [len(s.boxes) for s in samples]),
        np.concatenate([s.classes for s in samples]).astype(np.float32),
        centred.astype(np.float32),
        first + size - 1,
    )


def batches(seed: int, first: int, size: int, workers: int = 1) -> Generator[Batch]:
    """Endless batches in order from sample `first`, made ahead by worker processes (0: inline)."""
    if workers < 1:
        while True:
            yield batch_at(seed, first, size)
            first += size
    from collections import deque
    from concurrent.futures import Future, ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[Batch]] = deque()
        while True:
            while len(waiting) < 4 * workers:
                waiting.append(pool.submit(batch_at, seed, first, size))
                first += size
            yield waiting.popleft().result()
