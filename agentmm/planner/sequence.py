"""One completion on its way through a model: begun by its prompt, moved on step by step, alone or beside others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentmm.planner.writing import GREEDY, NOTHING, Completion, Counters, Known, Sampling, Writing


@dataclass(frozen=True)
class Request:
    """What a model is asked to complete.

    Attributes:
        prompt: ids and images of the step, as the engine takes them.
        load: brings an image by its hash; called once per image that must be encoded.
        constraint: an `agentmm.planner.constrain.Constraint`; None allows everything.
        sampling: temperature, limit and seed.
        until: when it must be over, seconds since 1970; None for no such moment.
    """

    prompt: Any
    load: Callable[[str], Any]
    constraint: Any = None
    sampling: Sampling = GREEDY
    until: float | None = None


@dataclass
class Underway:
    """A sequence that is being written.

    Attributes:
        prompt: what it goes on from.
        session: keys that were fed, and their cache.
        writing: what was written so far, and how the next token is chosen.
        counters: what it cost so far.
        running: what the engine keeps of it from step to step.
        began: when its prompt was fed, by `time.perf_counter()`; `decoding`: when that was done.
        over: whether it is finished, or failed.
        error: what its own constraint raised.
    """

    prompt: Any
    session: Any
    writing: Writing
    counters: Counters
    running: Any = None
    began: float = 0.0
    decoding: float = field(default_factory=time.perf_counter)
    over: bool = False
    error: BaseException | None = None

    def choose(self, rows: np.ndarray, guesses: Sequence[int] = (), known: Known = NOTHING) -> None:
        """Take the tokens that rows of logits `[1 + G, V]` give; a constraint that raises ends this sequence alone."""
        try:
            self.over = self.writing.take(rows, guesses, known)
        except BaseException as error:  # a user's own constraint may raise anything
            self.over, self.error = True, error

    def completed(self) -> Completion:
        """What was written, with what it cost.

        Raises:
            BaseException: what its constraint raised.
        """
        if self.error is not None:
            raise self.error
        done, counters, now = self.writing.result, self.counters, time.perf_counter()
        counters.seconds, counters.decode_seconds = now - self.began, now - self.decoding
        counters.decode_tokens, counters.cut_off = len(done.ids), int(not done.ended)
        counters.guessed_tokens = self.writing.guessed
        done.counters = counters
        return done


Admitted = Underway | BaseException | None
"""What became of a prompt: a sequence on its way, what was raised, or None where it is left for a later pass."""


def tried(begin: Callable[[], Underway]) -> Admitted:
    """What became of a prompt that is begun by itself."""
    try:
        return begin()
    except BaseException as error:  # belongs to whoever asked
        return error
