"""Trains the small detector from scratch on scenes made on the fly, for a given number of minutes.

`python -m agentmm.train.detector --minutes 40` or `agentmm train detector`. Resumable: a checkpoint every two
minutes, written whole or not at all. Knows no tool.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentmm.errors import TrainError
from agentmm.train.detector_data import Batch, batches
from agentmm.train.detector_net import build, home_folder, recipe
from agentmm.train.outset import check_device, check_folder

DEFAULT_OUT = Path(__file__).parent.parent / "weights" / "detector"
SAVE_EVERY_S = 120.0
SAY_EVERY_S = 30.0


@dataclass(frozen=True)
class Recipe:
    """What the detector is trained with.

    Attributes:
        seed: of weights and data.
        batch: pictures a step.
        rate: peak learning rate of AdamW.
        warmup: steps of linear warm-up.
        decay: weight decay of matrices.
        ema: decay of the averaged weights that are kept.
        one_to_many: share of the one-to-many head in the loss; the rest is the one-to-one head's.
        workers: processes that make pictures; 0 makes them inline.
    """

    seed: int = 7
    batch: int = 16
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 0.02
    ema: float = 0.998
    one_to_many: float = 0.6
    workers: int = 1


class Training:
    """The state of one training: model, averaged weights, optimiser, and how far it is."""

    def __init__(self, settings: Recipe, minutes: float, device: str) -> None:
        import torch

        torch.manual_seed(settings.seed)
        self.settings, self.minutes, self.device = settings, minutes, device
        from agentmm.world.scenes import SHAPES

        self.description = recipe(len(SHAPES))
        self.model = build(self.description).to(device)
        if device == "cpu":
            self.model.to(memory_format=torch.channels_last)
        self.loss = self.model.init_criterion()
        self.loss.o2m, self.loss.o2o = settings.one_to_many, 1 - settings.one_to_many
        self.optimiser = torch.optim.AdamW(_groups(self.model, settings.decay), lr=settings.rate, betas=(0.9, 0.99))
        self.averaged = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.step, self.spent_s = 0, 0.0

    def advance(self, batch: Batch) -> float:
        """Take one step; returns the loss a picture."""
        import torch

        share = min(1.0, self.spent_s / (60 * self.minutes))
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.settings, self.step, share)
        pixels = torch.from_numpy(batch.pixels).to(self.device).permute(0, 3, 1, 2).float() / 255
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16):
            out = self.model(pixels)
        loss = self.loss(_float(out), _targets(batch))[0].sum() / len(batch.pixels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        self._average()
        return float(loss.detach())

    def _average(self) -> None:
        import torch

        keep = self.settings.ema * (1 - math.exp(-self.step / 300))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                mean = self.averaged[name]
                if mean.dtype.is_floating_point:
                    mean.lerp_(value, 1 - keep)
                else:
                    mean.copy_(value)

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        import torch

        state = {
            "model": self.model.state_dict(), "averaged": self.averaged, "optimiser": self.optimiser.state_dict(),
            "step": self.step, "spent_s": self.spent_s, "seed": self.settings.seed,
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save(state, part)
        os.replace(part, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainError: it is damaged or of another seed.
        """
        import torch

        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except Exception as error:
            raise TrainError("the checkpoint cannot be read", got=str(path), mend=f"rm {path}") from error
        if state["seed"] != self.settings.seed:
            raise TrainError("the checkpoint has another seed", got=state["seed"], expected=str(self.settings.seed))
        self.model.load_state_dict(state["model"])
        self.averaged = state["averaged"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent_s = state["step"], state["spent_s"]


def rate_at(settings: Recipe, step: int, share: float) -> float:
    """Learning rate at a step, `share` (0..1) of the time being spent: warm-up by steps, half a cosine by time."""
    cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2
    return settings.rate * min(1.0, (step + 1) / settings.warmup) * cosine


def _groups(model: Any, decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


def _float(out: Any) -> Any:
    """The head's output in float32, whatever its nesting."""
    if isinstance(out, dict):
        return {name: _float(value) for name, value in out.items()}
    return [_float(value) for value in out] if isinstance(out, list | tuple) else out.float()


def _targets(batch: Batch) -> dict[str, Any]:
    import torch

    return {
        "batch_idx": torch.from_numpy(batch.owner), "cls": torch.from_numpy(batch.classes),
        "bboxes": torch.from_numpy(batch.boxes),
    }  # fmt: skip


def train_detector(
    minutes: float = 40.0,
    out: Path | str = DEFAULT_OUT,
    resume: bool = True,
    device: str | None = None,
    settings: Recipe | None = None,
    score: bool = True,
) -> dict[str, Any]:
    """Train, pick the thresholds, measure, and write the weights with their manifest.

    Args:
        minutes: wall time of training alone, the time before a resume counted in.
        out: folder for `model.safetensors`, `model.yaml`, `manifest.json`. The checkpoint lies beside them, or under
            `$AGENTMM_HOME/train` when they go into the package itself.
        resume: go on from the checkpoint when there is one.
        device: `cpu` or `cuda`; by default the GPU if there is one.
        settings: the recipe.
        score: measure on held-out scenes (about two minutes on two cores).

    Returns:
        The manifest.

    Raises:
        UsageError: there is no such device, or `out` cannot be written.
        TrainError: minutes are not positive, or the checkpoint is unusable.
    """
    import torch

    if minutes <= 0:
        raise TrainError("no time to train in", got=minutes, expected="minutes > 0")
    device = check_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    check_folder(Path(out))
    training = Training(settings or Recipe(), minutes, device)
    checkpoint = _checkpoint(Path(out))
    if resume and checkpoint.is_file():
        training.load(checkpoint)
        _say(f"goes on at step {training.step}, {training.spent_s / 60:.1f} min spent")
    _run(training, checkpoint)
    from agentmm.train.detector_score import publish

    return publish(training, Path(out), score=score)


def _checkpoint(out: Path) -> Path:
    """The package ships everything in its weights folder, so a checkpoint must not lie there."""
    return (home_folder() / "train" / "detector" if out == DEFAULT_OUT else out) / "checkpoint.pt"


def _run(training: Training, checkpoint: Path) -> None:
    """Train until the time is spent, saving now and then and when interrupted."""
    settings = training.settings
    source = batches(settings.seed, training.step * settings.batch, settings.batch, settings.workers)
    training.model.train()
    began, saved, said, recent = time.monotonic(), time.monotonic(), time.monotonic(), (training.step, 0.0)
    before = training.spent_s
    with contextlib.closing(source):
        try:
            while training.spent_s < 60 * training.minutes:
                loss = training.advance(next(source))
                now = time.monotonic()
                training.spent_s = before + now - began
                recent = (recent[0], 0.95 * recent[1] + 0.05 * loss if recent[1] else loss)
                if now - said > SAY_EVERY_S:
                    speed = (training.step - recent[0]) * settings.batch / (now - said)
                    _say(f"step {training.step} {training.spent_s / 60:.1f} min loss {recent[1]:.3f} {speed:.1f} img/s")
                    said, recent = now, (training.step, recent[1])
                if now - saved > SAVE_EVERY_S:
                    training.save(checkpoint)
                    saved = now
        finally:
            training.save(checkpoint)


def _say(line: str) -> None:
    sys.stderr.write(f"detector: {line}\n")
    sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="Train the small detector on generated scenes.")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--fresh", action="store_true", help="ignore a checkpoint")
    parser.add_argument("--device", default=None)
    parser.add_argument("--batch", type=int, default=Recipe.batch)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    given = parser.parse_args(arguments)
    train_detector(given.minutes, given.out, not given.fresh, given.device, Recipe(seed=given.seed, batch=given.batch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
