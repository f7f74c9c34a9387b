"""A stage's plan and how far it has come: pure values, no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agentmm.errors import TrainError


@dataclass(frozen=True)
class Stage:
    """What a stage trains and for how long.

    Attributes:
        name: of the stage.
        rates: part of the model -> peak learning rate; other parts are frozen.
        minutes: time it may take, evaluation apart; None where `steps` decides.
        steps: gradient steps it may take.
        tokens: most tokens of a batch, padding included; what its rows begin with alike counts once.
        other_weight: loss weight of tokens outside the mask (assistant tokens weigh 1).
        warmup: share of the stage in which the rate rises.
        weight_decay: of the linear layers; all else has none.
        clip: largest norm of a step's gradients.
        save_s: seconds between checkpoints.
    """

    name: str
    rates: dict[str, float]
    minutes: float | None = None
    steps: int | None = None
    tokens: int = 8192
    other_weight: float = 0.0
    warmup: float = 0.03
    weight_decay: float = 0.05
    clip: float = 1.0
    save_s: float = 60.0


@dataclass
class Progress:
    """Where a stage stands; saved with each checkpoint."""

    seconds: float = 0.0
    steps: int = 0
    tokens: int = 0
    epoch: int = 0
    batch: int = 0
    losses: list[float] = field(default_factory=list)

    def share(self, stage: Stage) -> float:
        """0 at the start, 1 when the stage is over."""
        by_time = self.seconds / (60 * stage.minutes) if stage.minutes else 0.0
        by_steps = self.steps / stage.steps if stage.steps else 0.0
        if not (stage.minutes or stage.steps):
            raise TrainError("a stage needs minutes or steps", got=stage)
        return min(1.0, max(by_time, by_steps))


def rate_factor(share: float, warmup: float) -> float:
    """Factor of the peak rate: linear rise, then a cosine down to 2 %."""
    if share < warmup:
        return max(share / warmup, 0.02)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))
