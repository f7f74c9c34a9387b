"""How one sequence of a foreign model goes on alone: by its last token, and guesses of what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agentmm.planner.foreign.positions import next_positions
from agentmm.planner.foreign.rendering import Told
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.guess import Guesses


class Model(Protocol):
    """What a step needs of the engine."""

    def forward(
        self, session: ForeignSession, ids: Sequence[int], keys: Sequence[Any], given: dict[str, Any], rows: int, /
    ) -> Any:
        """One pass over new tokens; float32 logits `[rows, V]` after the last of them."""
        ...

    def uncached(self, told: Told, load: Callable[[str], Any], places: Sequence[int], /) -> Any:
        """Logits `[len(places), V]` of a pass over everything."""
        ...


class Next:
    """Goes on in a session.

    Args:
        engine: the model.
        session: what was fed.
        positions: of the prompt's tokens.
        length: of the prompt.

    Attributes:
        guesses: of what comes next; None where none are fed along.
    """

    def __init__(self, engine: Model, session: ForeignSession, positions: Any, length: int) -> None:
        self.engine, self.session, self.positions, self.length = engine, session, positions, length
        self.guesses: Guesses | None = None

    def position(self) -> Any:
        """The next token's, `[1, 1]` or `[3, 1, 1]`."""
        return self._positions(1)

    def __call__(self, token: int) -> Any:
        """Feed a token; the logits `[V]` after it."""
        return self.rows([token])[0]

    def rows(self, tokens: Sequence[int]) -> Any:
        """Feed tokens in one pass; the logits `[T, V]` after each."""
        given = {"position_ids": self._positions(len(tokens))}
        return self.engine.forward(self.session, tokens, tokens, given, len(tokens))

    def keep(self, length: int) -> None:
        """Forget what was fed by the last pass after the first `length` tokens of all."""
        self.session.cut(length)

    def _positions(self, count: int) -> Any:
        return next_positions(self.positions, len(self.session.keys) - self.length, count)


class Whole:
    """Goes on by the library's own pass over everything.

    Args:
        engine: the model.
        told: the prompt.
        load: brings its pictures and sounds.

    Attributes:
        guesses: of what comes next; None where none are fed along.
    """

    def __init__(self, engine: Model, told: Told, load: Callable[[str], Any]) -> None:
        self.engine, self._load = engine, load
        self._told = Told(list(told.ids), told.images)
        self.guesses: Guesses | None = None

    def __call__(self, token: int) -> Any:
        """Feed a token; the logits `[V]` after it."""
        return self.rows([token])[0]

    def rows(self, tokens: Sequence[int]) -> Any:
        """Feed everything and these tokens; the logits `[T, V]` after each of these."""
        before = len(self._told.ids)
        more = Told([*self._told.ids, *tokens], self._told.images)
        logits = self.engine.uncached(more, self._load, range(before, len(more.ids)))
        self._told.ids += tokens  # only now: a pass that failed may be tried again
        return logits

    def keep(self, length: int) -> None:
        """Forget what comes after the first `length` tokens."""
        del self._told.ids[length:]
