"""What a completion is, and how its tokens are chosen from logits: under a constraint, greedily or by a draw."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


@dataclass
class Counters:
    """What one completion cost.

    Attributes:
        prefill_tokens: prompt tokens that were fed now.
        cached_tokens: prompt tokens that a session already held.
        decode_tokens: tokens that were generated.
        encoder_calls: images that met the vision encoder.
        seconds: wall time; of it `encode_seconds` in the vision encoder, `prefill_seconds` for the rest of the prompt,
            `decode_seconds` for what was generated (the constraint included).
        cut_off: 1 where the limit of tokens came before the end token.
        guessed_tokens: generated tokens that took no step of their own, because guesses before them held.
    """

    prefill_tokens: int = 0
    cached_tokens: int = 0
    decode_tokens: int = 0
    encoder_calls: int = 0
    seconds: float = 0.0
    encode_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    cut_off: int = 0
    guessed_tokens: int = 0


@dataclass
class Completion:
    """Generated ids with their log-probabilities.

    Attributes:
        ids: generated token ids, the end token included where it came.
        logp: the model's own log-probability of each: temperature 1, no mask.
        logp_sampled: the log-probability after temperature and mask.
        forced: whether the grammar left one text only.
        ended: whether the end token came before the limit.
        counters: what it cost.
    """

    ids: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    logp_sampled: list[float] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    ended: bool = False
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        temperature: 0 takes the likeliest legal token.
        max_tokens: most tokens of a completion.
        seed: seed of the draws; the same seed and prompt give the same completion.
        first: a token to begin with wherever the model gives it a chance of `first_from` at least; None for none.
        first_from: 0..1.
    """

    temperature: float = 0.0
    max_tokens: int = 256
    seed: int = 0
    first: int | None = None
    first_from: float = 0.05


GREEDY = Sampling()
"""The likeliest legal token, always."""


class Known(NamedTuple):
    """What an engine worked out of rows beforehand; what is None is worked out when it is needed.

    Attributes:
        scales: float64 `[1 + G, 2]`, the fields of each row's `Scale`.
        legal: bool `[1 + G, V]`, what the constraint allows for each row.
    """

    scales: np.ndarray | None = None
    legal: np.ndarray | None = None


NOTHING = Known()
"""Nothing was worked out beforehand."""


class Writing:
    """A completion on its way: which token each row of logits gives.

    Args:
        constraint: an `agentmm.planner.constrain.Constraint`; None allows everything.
        sampling: temperature, limit and seed.
        ends: ids of the tokens that end a completion.

    Attributes:
        result: what was written so far.
        guessed: how many of its tokens took no step of their own.
    """

    def __init__(self, constraint: Any, sampling: Sampling, ends: Collection[int]) -> None:
        self.constraint, self.sampling, self._ends = constraint, sampling, ends
        self.result, self.guessed = Completion(), 0
        self._rng = np.random.default_rng(sampling.seed)

    @property
    def room(self) -> int:
        """Most guesses that the next step can use."""
        return self.sampling.max_tokens - len(self.result.ids) - 1

    def take(self, rows: np.ndarray, guesses: Sequence[int] = (), known: Known = NOTHING) -> bool:
        """Choose a token by each row as long as guesses hold: a row counts only if what was fed before it came true.

        Every token is chosen as if it were alone, by the same logits, mask and draw: guesses change nothing but time.

        Args:
            rows: float32 logits `[1 + G, V]`, one after each token that was fed.
            guesses: the G tokens that were fed ahead.
            known: of these rows.

        Returns:
            Whether the completion is finished.
        """
        for held, (row, guess) in enumerate(zip(rows, [*guesses, None], strict=True)):
            token = self._write(row, held, known)
            self.guessed += held > 0
            self.result.ended = token in self._ends
            if self.result.ended or len(self.result.ids) >= self.sampling.max_tokens:
                return True
            if self.constraint is not None:
                self.constraint.take(token)
            if token != guess:
                break
        return False

    def _write(self, row: np.ndarray, held: int, known: Known) -> int:
        """Choose the next token by the row of that number and note it."""
        constraint, sampling, result, legal = self.constraint, self.sampling, self.result, None
        if constraint is not None:
            legal = constraint.legal() if known.legal is None else known.legal[held]
        if known.scales is None:
            row = row.astype(np.float64)
            scale = scale_of(row)
        else:
            scale = Scale(*known.scales[held].tolist())
        first = sampling.first if not result.ids else None
        wanted = first is not None and (legal is None or bool(legal[first]))
        wanted = wanted and scale.logp(row[first]) >= math.log(sampling.first_from)
        if wanted:
            legal = np.arange(len(row)) == first
        token, chosen = choose(row, legal, sampling.temperature, self._rng)
        result.ids.append(token)
        result.logp.append(scale.logp(row[token]))
        result.logp_sampled.append(chosen)
        result.forced.append(wanted or (legal is not None and constraint is not None and constraint.forced(legal)))
        return token


class Scale(NamedTuple):
    """What makes log-probabilities of logits.

    Attributes:
        top: the largest logit.
        log: the logarithm of the sum of exp(logit - top).
    """

    top: float
    log: float

    def logp(self, logit: Any) -> float:
        """The log-probability of a token by its logit."""
        return float(logit) - self.top - self.log


def scale_of(logits: np.ndarray) -> Scale:
    """The scale of float64 logits `[V]`."""
    top = logits.max()
    return Scale(float(top), math.log(np.exp(logits - top).sum()))


def choose(
    logits: np.ndarray, legal: np.ndarray | None, temperature: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Choose one token.

    Args:
        logits: float `[V]`.
        legal: bool `[V]`, or None where every token is legal.
        temperature: 0 takes the likeliest legal token.
        rng: source of the draw.

    Returns:
        (token, its log-probability after temperature and mask).
    """
    masked = logits if legal is None else np.where(legal, logits, -math.inf)
    if temperature <= 0:
        return int(masked.argmax()), 0.0
    sampled = log_softmax(masked.astype(np.float64) / temperature)
    token = int(rng.choice(len(sampled), p=np.exp(sampled)))
    return token, float(sampled[token])


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities `[V]` of logits `[V]`; minus infinity stays."""
    top, log = scale_of(logits)
    return logits - top - log
