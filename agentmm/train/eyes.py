"""The encoder's own stage: pictures with true labels, a linear head for each question, before any language.

Captions alone taught the encoder next to nothing in the time there is (`docs/log.md`); the classes are those of the
practice world: how a page lies, what sort of picture it is, how shapes lie, which colours and shapes a scene has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
from agentmm.world.sights import ARRANGEMENTS, Sight, TurnedPage
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

PRESENT = (*COLOURS, *SHAPES)
"""What a scene may show: each a yes or no of its own."""

_RECIPES = (
    *("scene", "scene", "receipt", "invoice", "sign", "label", "table", "chart", "codes"),
    *("arranged", "edged", "edged", "edged", "crowd", "halves", "halves", "halves", "turned", "turned"),
    *("turned_receipt", "turned_invoice", "turned_sign", "turned_label", "turned_table"),
)
_BATCH = 32
_UNKNOWN = -1


class Eyes(nn.Module):
    """An encoder with a linear head for each question over the mean of its features.

    Args:
        encoder: [N, 3, S, S] pixels -> [N, P, C].
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        sizes = {name: len(words) for name, words in CLASSES.items()} | {"present": len(PRESENT)}
        self.heads = nn.ModuleDict({name: nn.Linear(encoder.width, size) for name, size in sizes.items()})

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Question -> logits [N, classes]."""
        seen = self.encoder(pixels).mean(1)
        return {name: head(seen).float() for name, head in self.heads.items()}


def labelled(
    n: int, seed: int, split: str = "train"
) -> Iterator[tuple[Any, dict[str, int], NDArray[np.float32] | None]]:
    """Pictures (uint8 [H, W, 3]) with the classes they are of and, for scenes, what is present; the same for a seed."""
    rng = np.random.default_rng([29, seed])
    for _ in range(n):
        recipe = _RECIPES[int(rng.integers(len(_RECIPES)))]
        truth = medium(recipe, media_seed(split, rng)).truth
        yield truth.pixels, _classes(recipe, truth), _present(truth)


def _classes(recipe: str, truth: Any) -> dict[str, int]:
    """Question -> number of the class."""
    if isinstance(truth, Sight):
        return {recipe: CLASSES[recipe].index(truth.seen)}
    if isinstance(truth, TurnedPage):
        told = {"turned_by": str(truth.degrees), "kind": str(truth.page.kind)}
    else:
        told = {"kind": recipe} if recipe in ("scene", "codes") else {"turned_by": "0", "kind": recipe}
    return {name: CLASSES[name].index(word) for name, word in told.items()}


def _present(truth: Any) -> NDArray[np.float32] | None:
    if not isinstance(truth, Scene):
        return None
    there = {word for shape in truth.shapes for word in (shape.colour, shape.shape)}
    return np.array([word in there for word in PRESENT], np.float32)


class Pictures:
    """Labelled pictures in memory: squares on disk, classes [N, questions] (-1 unknown), presence [N, words] (-1)."""

    def __init__(self, n: int, seed: int, folder: Path, size: int, split: str = "train") -> None:
        squares = PixelFile(folder / f"{split}_{seed}.u8", size)
        self.classes = np.full((n, len(CLASSES)), _UNKNOWN, np.int64)
        self.present = np.full((n, len(PRESENT)), _UNKNOWN, np.float32)
        for index, (pixels, classes, present) in enumerate(labelled(n, seed, split)):
            squares.add(str(index), square_pixels(pixels, size))
            for place, name in enumerate(CLASSES):
                self.classes[index, place] = classes.get(name, _UNKNOWN)
            if present is not None:
                self.present[index] = present
        self.pixels = squares.array()

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels, classes and presence of some pictures."""
        pixels = torch.from_numpy(scale_pixels(self.pixels[chosen]))
        return pixels, torch.from_numpy(self.classes[chosen]), torch.from_numpy(self.present[chosen])


def loss_of(logits: dict[str, Tensor], classes: Tensor, present: Tensor) -> Tensor:
    """Mean cross-entropy of the known classes plus mean binary cross-entropy of what scenes show, nats."""
    losses = []
    for place, name in enumerate(CLASSES):
        known = classes[:, place] != _UNKNOWN
        if known.any():
            losses.append(F.cross_entropy(logits[name][known], classes[known, place], reduction="sum"))
    total = torch.stack(losses).sum() / (classes != _UNKNOWN).sum() if losses else logits["kind"].sum() * 0
    scenes = present[:, 0] != _UNKNOWN
    if scenes.any():
        total = total + F.binary_cross_entropy_with_logits(logits["present"][scenes], present[scenes])
    return total


def train_eyes(
    eyes: Eyes, stage: Stage, pictures: Pictures, *, seed: int = 0, log: Callable[[str], None] = lambda line: None
) -> Progress:
    """Train encoder and heads on labelled pictures; each process learns from pictures of its own.

    Args:
        eyes: what is trained.
        stage: rates of `encoder`, time and warm-up.
        pictures: to learn from.
        seed: of the order.
        log: gets one line now and then.
    """
    eyes.train()
    rates = {**stage.rates, "heads": stage.rates["encoder"]}
    optimizers = set_trainable(eyes, Stage("eyes", rates, minutes=stage.minutes, weight_decay=stage.weight_decay))
    learnt = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    progress, rng, share, said = Progress(), np.random.default_rng([31, seed, rank()]), 0.0, 0.0
    while share < 1:
        began = time.monotonic()
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = group["peak"] * rate_factor(share, stage.warmup)
        pixels, classes, present = pictures.batch(rng.integers(len(pictures), size=_BATCH))
        with torch.autocast("cpu", torch.bfloat16):
            logits = eyes(pixels)
        loss = loss_of(logits, classes, present)
        eyes.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(learnt)
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
    """Question -> share of the pictures whose class is told rightly."""
    eyes.eval()
    right, count = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    for start in range(0, len(pictures), 64):
        pixels, classes, _ = pictures.batch(np.arange(start, min(start + 64, len(pictures))))
        logits = eyes(pixels)
        for place, name in enumerate(CLASSES):
            known = classes[:, place] != _UNKNOWN
            right[place] += int((logits[name].argmax(-1) == classes[:, place])[known].sum())
            count[place] += int(known.sum())
    return {name: float(right[i] / count[i]) for i, name in enumerate(CLASSES) if count[i]}
