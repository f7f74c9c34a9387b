"""The encoder's own stage: pictures with true labels, a linear head for each question, before any language.

Captions alone taught the encoder next to nothing in the time there is (`docs/log.md`); the classes are those of the
practice world: how a page lies, what sort of picture it is, how shapes lie; and of each feature, what is drawn there.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.train.loop import set_trainable
from agentmm.train.parallel import average_gradients, rank, summed
from agentmm.train.rowset import PixelFile
from agentmm.train.stage import Progress, Stage, rate_factor
from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.scenes import Scene
from agentmm.world.sights import ARRANGEMENTS, Mark, Sight, TurnedPage, marks_of
from agentmm.world.sources import media_seed, medium

_YES_NO = ("no", "yes")
CLASSES: dict[str, tuple[str, ...]] = {
    "turned_by": ("0", "90", "180", "270"),
    "kind": ("scene", "receipt", "invoice", "sign", "label", "table", "chart", "codes"),
    "arranged": ARRANGEMENTS,
    "edged": _YES_NO,
    "crowd": ("empty", "busy"),
    "halves": _YES_NO,
    "turned": _YES_NO,
}
"""Question -> its classes; a picture has an answer to some of them."""

HERE = ("something", *COLOURS, *SHAPES)
"""What may be drawn where a feature looks: each a yes or no of its own."""

_WEIGHT_OF_HERE = 5.0

_RECIPES = (
    *("scene", "scene", "receipt", "invoice", "sign", "label", "table", "chart", "codes"),
    *("arranged", "edged", "edged", "edged", "crowd", "halves", "halves", "halves", "turned", "turned"),
    *("turned_receipt", "turned_invoice", "turned_sign", "turned_label", "turned_table"),
)
_SIGNS = ("sign", "turned_sign", "turned_sign", "turned_sign")
_BATCH = 32
_UNKNOWN = -1

HEADS_ALONE = 0.1
"""Share of the time that only the heads are trained where features are held: they learn to read them as they are."""


class Eyes(nn.Module):
    """An encoder with a linear head for each question over the mean of its features, and one over each of them.

    Args:
        encoder: [N, 3, S, S] pixels -> [N, P, C].
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        sizes = {name: len(words) for name, words in CLASSES.items()} | {"here": len(HERE)}
        self.heads = nn.ModuleDict({name: nn.Linear(encoder.width, size) for name, size in sizes.items()})

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Question -> logits [N, classes]; `here` -> [N, P, words]."""
        return self.read(self.encoder(pixels))

    def read(self, features: Tensor) -> dict[str, Tensor]:
        """The same from features [N, P, C]."""
        seen = features.mean(1)
        return {name: head(features if name == "here" else seen).float() for name, head in self.heads.items()}


def labelled(
    n: int, seed: int, split: str = "train", signs: float = 0.0
) -> Iterator[tuple[Any, dict[str, int], tuple[Mark, ...]]]:
    """Pictures (uint8 [H, W, 3]) with the classes they are of and what is drawn in them; the same for a seed.

    Args:
        n: how many.
        seed: of all of them.
        split: whose media.
        signs: share of them that are signs, three in four of these turned, beside those among all recipes.
    """
    rng = np.random.default_rng([29, seed])
    for _ in range(n):
        recipes = _SIGNS if signs and rng.random() < signs else _RECIPES
        recipe = recipes[int(rng.integers(len(recipes)))]
        truth = medium(recipe, media_seed(split, rng)).truth
        yield truth.pixels, _classes(recipe, truth), _marks(truth)


def _classes(recipe: str, truth: Any) -> dict[str, int]:
    """Question -> number of the class."""
    if isinstance(truth, Sight):
        return {recipe: CLASSES[recipe].index(truth.seen)}
    if isinstance(truth, TurnedPage):
        told = {"turned_by": str(truth.degrees), "kind": str(truth.page.kind)}
    else:
        told = {"kind": recipe} if recipe in ("scene", "codes") else {"turned_by": "0", "kind": recipe}
    return {name: CLASSES[name].index(word) for name, word in told.items()}


def _marks(truth: Any) -> tuple[Mark, ...]:
    return marks_of(truth) if isinstance(truth, Scene) else truth.marks if isinstance(truth, Sight) else ()


def drawn_here(marks: Sequence[Mark], width: int, height: int, grid: int) -> NDArray[np.int8]:
    """What is drawn where each feature looks, [grid * grid, words] of 0 and 1, raster order; the last drawn counts.

    Args:
        marks: what is drawn, in order, px.
        width: of the picture, px; it stands in the middle of a square that is cut into `grid` times `grid` cells.
        height: of the picture, px.
        grid: cells along a side.
    """
    side = max(width, height)
    left, top, cell = (side - width) // 2, (side - height) // 2, side / grid
    here = np.zeros((grid, grid, len(HERE)), np.int8)
    for colour, shape, (x0, y0, x1, y1) in marks:
        columns = _cells(max(x0, 0) + left, min(x1, width) + left, cell, grid)
        rows = _cells(max(y0, 0) + top, min(y1, height) + top, cell, grid)
        here[rows, columns] = 0
        here[rows, columns, [0, HERE.index(colour), HERE.index(shape)]] = 1
    return here.reshape(grid * grid, len(HERE))


def _cells(start: float, end: float, cell: float, grid: int) -> slice:
    """The cells whose middles lie between start and end, and the one in the middle of these."""
    first, last = math.ceil(start / cell - 0.5), math.floor(end / cell - 0.5)
    middle = min(grid - 1, max(0, int((start + end) / 2 / cell)))
    return slice(max(0, min(first, middle)), min(grid, max(last, middle) + 1))


class Pictures:
    """Labelled pictures: squares on disk, classes [N, questions] and what is drawn where [N, P, words]; -1: unknown."""

    def __init__(
        self, n: int, seed: int, folder: Path, size: int, split: str = "train", grid: int = 8, signs: float = 0.0
    ) -> None:
        squares = PixelFile(folder / f"{split}_{seed}.u8", size)
        self.classes = np.full((n, len(CLASSES)), _UNKNOWN, np.int64)
        self.here = np.full((n, grid * grid, len(HERE)), _UNKNOWN, np.int8)
        for index, (pixels, classes, marks) in enumerate(labelled(n, seed, split, signs)):
            squares.add(str(index), square_pixels(pixels, size))
            for place, name in enumerate(CLASSES):
                self.classes[index, place] = classes.get(name, _UNKNOWN)
            if marks:
                self.here[index] = drawn_here(marks, pixels.shape[1], pixels.shape[0], grid)
        self.pixels = squares.array()

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels, classes and what is drawn where, of some pictures."""
        pixels = torch.from_numpy(scale_pixels(self.pixels[chosen]))
        return pixels, torch.from_numpy(self.classes[chosen]), torch.from_numpy(self.here[chosen])


def loss_of(logits: dict[str, Tensor], classes: Tensor, here: Tensor) -> Tensor:
    """Mean cross-entropy of the known classes plus 5 times the mean binary cross-entropy of what is where, nats."""
    losses = []
    for place, name in enumerate(CLASSES):
        known = classes[:, place] != _UNKNOWN
        if known.any():
            losses.append(F.cross_entropy(logits[name][known], classes[known, place], reduction="sum"))
    total = torch.stack(losses).sum() / (classes != _UNKNOWN).sum() if losses else logits["kind"].sum() * 0
    drawn = here[:, 0, 0] != _UNKNOWN
    if drawn.any():
        where = F.binary_cross_entropy_with_logits(logits["here"][drawn], here[drawn].float())
        total = total + _WEIGHT_OF_HERE * where
    return total


class Hold:
    """Keeps features where they were, so that a decoder that reads them still can; signs, which are to change, may.

    Args:
        encoder: as it was.
        weight: of the mean squared distance, in variances of the features.
    """

    def __init__(self, encoder: nn.Module, weight: float) -> None:
        self.before, self.weight = copy.deepcopy(encoder).eval().requires_grad_(False), weight

    def loss(self, features: Tensor, pixels: Tensor, classes: Tensor) -> Tensor:
        """How far the features [N, P, C] of all pictures that show no sign have moved, weighted.

        Args:
            features: of the encoder that is trained.
            pixels: [N, 3, S, S].
            classes: [N, questions].
        """
        kind, turned = (classes[:, list(CLASSES).index(name)] for name in ("kind", "turned"))
        held = (kind != CLASSES["kind"].index("sign")) & (turned == _UNKNOWN)
        if not held.any():
            return features.sum() * 0
        with torch.no_grad():
            were = self.before(pixels[held]).float()
            spread = were.var((0, 1)) + 1e-4
        return self.weight * ((features[held].float() - were).square() / spread).mean()


def train_eyes(
    eyes: Eyes,
    stage: Stage,
    pictures: Pictures,
    *,
    seed: int = 0,
    hold: float = 0.0,
    log: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Train encoder and heads on labelled pictures; each process learns from pictures of its own.

    Args:
        eyes: what is trained.
        stage: rates of `encoder`, time and warm-up.
        pictures: to learn from.
        seed: of the order.
        hold: how strongly the features of pictures without signs stay where they were (`Hold`); the heads then learn
            alone for the first tenth, and what they read of other pages they go on to read of signs.
        log: gets one line now and then.
    """
    held = Hold(eyes.encoder, hold) if hold else None
    eyes.train()
    rates = {**stage.rates, "heads": stage.rates["encoder"]}
    optimizers = set_trainable(eyes, Stage("eyes", rates, minutes=stage.minutes, weight_decay=stage.weight_decay))
    learnt = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    progress, rng, share, said = Progress(), np.random.default_rng([31, seed, rank()]), 0.0, 0.0
    while share < 1:
        began = time.monotonic()
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = group["peak"] * rate_factor(share, stage.warmup)
        eyes.encoder.requires_grad_(held is None or share >= HEADS_ALONE)
        pixels, classes, here = pictures.batch(rng.integers(len(pictures), size=_BATCH))
        with torch.autocast("cpu", torch.bfloat16):
            features = eyes.encoder(pixels)
            logits = eyes.read(features)
        loss = loss_of(logits, classes, here)
        if held is not None:
            loss = loss + held.loss(features, pixels, classes)
        eyes.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(learnt)
        for parameter in learnt:
            if not parameter.requires_grad:
                parameter.grad = None  # processes average zeros for it, and weight decay would move it
        torch.nn.utils.clip_grad_norm_(learnt, stage.clip)
        for optimizer in optimizers:
            optimizer.step()
        progress.steps += 1
        progress.seconds += time.monotonic() - began
        progress.losses = [*progress.losses[-99:], float(loss.detach())]
        (share,) = summed(progress.share(stage) if rank() == 0 else 0.0)
        if progress.seconds - said > 15:
            said = progress.seconds
            log(f"eyes: {said:.0f} s, step {progress.steps}, loss {sum(progress.losses) / len(progress.losses):.4f}")
    return progress


@torch.no_grad()
def told(eyes: Eyes, pictures: Pictures) -> dict[str, float]:
    """Question -> share of the pictures whose class is told rightly; `colour`: of the places where something is."""
    eyes.eval()
    right, count, colours = np.zeros(len(CLASSES)), np.zeros(len(CLASSES)), []
    palette = slice(1, 1 + len(COLOURS))
    for start in range(0, len(pictures), 64):
        pixels, classes, here = pictures.batch(np.arange(start, min(start + 64, len(pictures))))
        logits = eyes(pixels)
        for place, name in enumerate(CLASSES):
            known = classes[:, place] != _UNKNOWN
            right[place] += int((logits[name].argmax(-1) == classes[:, place])[known].sum())
            count[place] += int(known.sum())
        there = here[..., 0] == 1
        colours.append((logits["here"][there][:, palette].argmax(-1) == here[there][:, palette].argmax(-1)).float())
    scores = {name: float(right[i] / count[i]) for i, name in enumerate(CLASSES) if count[i]}
    return scores | ({"colour": float(torch.cat(colours).mean())} if any(map(len, colours)) else {})
