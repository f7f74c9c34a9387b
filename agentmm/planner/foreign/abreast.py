"""Several sequences of a foreign model in one pass: caches that only grow, abreast, the shorter filled up on the left.

What was filled up is masked, and positions are given, so a sequence gets what it gets alone but for rounding; whether
it does is measured on the model (`exactness.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentmm.planner.foreign.session import ForeignSession


class Fed(NamedTuple):
    """What one sequence is fed: its session, a token, and the token's position, `[1, 1]` or `[3, 1, 1]`."""

    session: ForeignSession
    token: int
    position: Any


class Abreast:
    """The sequences that went through a model together last; their caches stay side by side until one comes or goes.

    Args:
        model: the model.
        given: what its forward pass is given beside tokens and cache, so that logits of the last token come back.
    """

    def __init__(self, model: Any, given: dict[str, Any]) -> None:
        self.model, self._given = model, given
        self._rows: list[ForeignSession | None] = []
        self._lengths: list[int] = []
        self._cache: Any = None

    def step(self, fed: Sequence[Fed]) -> list[Any]:
        """Feed each sequence a token; returns float32 logits `[V]` after each.

        Args:
            fed: sequences whose caches are not rigid.
        """
        import torch

        if [id(row) for row in self._rows] != [id(one.session) for one in fed]:
            self._gather([one.session for one in fed])
        longest, device = max(self._lengths), self.model.device
        lengths = torch.tensor(self._lengths, device=device)[:, None]
        out = self.model(
            input_ids=torch.tensor([[one.token] for one in fed], device=device),
            attention_mask=(torch.arange(longest + 1, device=device) >= longest - lengths).long(),
            position_ids=torch.cat([one.position for one in fed], dim=-2),
            past_key_values=self._cache,
            use_cache=True,
            **self._given,
        )
        self._lengths = [length + 1 for length in self._lengths]
        for one in fed:
            one.session.keys = [*one.session.keys, one.token]
        return list(out.logits[:, -1].float())

    def take_out(self, session: ForeignSession) -> None:
        """Give a sequence its cache back, in memory of its own; nothing for one that is not here."""
        at = next((index for index, row in enumerate(self._rows) if row is session), None)
        if at is not None:
            session.cache = copy.copy(self._cache)
            parts = [self._part(at, layer) for layer in range(len(self._cache.layers))]
            session.cache.layers = [
                layer_like(layer, *(tensor.clone() for tensor in part))
                for layer, part in zip(self._cache.layers, parts, strict=True)
            ]
            self._free(at)

    def forget(self, session: ForeignSession) -> None:
        """Let a sequence go whose cache nobody needs."""
        for index, row in enumerate(self._rows):
            if row is session:
                self._free(index)

    def _free(self, at: int) -> None:
        """Mark a row as nobody's; with the last one the cache goes."""
        self._rows[at] = None
        if not any(row is not None for row in self._rows):
            self._rows, self._lengths, self._cache = [], [], None

    def _part(self, at: int, layer: int) -> tuple[Any, Any]:
        """Keys and values of a row, views `[1, heads, length, width]`, without what a pass that failed has added."""
        end = max(self._lengths)
        begin, held = end - self._lengths[at], self._cache.layers[layer]
        return held.keys[at : at + 1, :, begin:end], held.values[at : at + 1, :, begin:end]

    def _gather(self, sessions: Sequence[ForeignSession]) -> None:
        """Put the sequences side by side, layer by layer, so that little is in memory twice."""
        places = {id(row): index for index, row in enumerate(self._rows) if row is not None}
        known = [places.get(id(session)) for session in sessions]
        lengths = [len(session.keys) for session in sessions]
        whole = copy.copy(self._cache if self._cache is not None else sessions[0].cache)
        whole.layers = list(whole.layers)
        try:
            for index in range(len(whole.layers)):
                self._gather_layer(index, sessions, known, max(lengths), whole)
        except Exception as error:  # layers that were copied are gone where they were: these sequences end with it
            for session in sessions:
                session.failed = error
            self._rows, self._lengths, self._cache = [], [], None
            raise
        for session in sessions:
            session.cache = None
        self._rows, self._lengths, self._cache = list(sessions), lengths, whole

    def _gather_layer(
        self, index: int, sessions: Sequence[ForeignSession], known: Sequence[int | None], length: int, whole: Any
    ) -> None:
        """Put one layer of all sequences side by side, and let go of it where it was."""
        parts = [
            self._part(at, index) if at is not None else _own(session, index)
            for session, at in zip(sessions, known, strict=True)
        ]
        made = [filled(tensors, length) for tensors in zip(*parts, strict=True)]
        whole.layers[index] = layer_like(whole.layers[index], *made)
        for session in sessions:
            _drop(session, index)
        if self._cache is not None:
            self._cache.layers[index] = layer_like(self._cache.layers[index], None, None)


def _own(session: ForeignSession, index: int) -> tuple[Any, Any]:
    """Keys and values of a session's own layer."""
    layer = session.cache.layers[index]
    return layer.keys, layer.values


def _drop(session: ForeignSession, index: int) -> None:
    """Let go of a layer that was copied; others may hold the layer itself."""
    if session.cache is not None:
        session.cache.layers[index] = layer_like(session.cache.layers[index], None, None)


def layer_like(like: Any, keys: Any, values: Any) -> Any:
    """A cache layer like another, with these tensors, which stand in no room to grow."""
    made = copy.copy(like)
    made.keys, made.values, made.room = keys, values, None
    return made


def filled(tensors: Sequence[Any], length: int) -> Any:
    """`[1, heads, T, width]` of several T as one `[B, heads, length, width]`, zeros on the left."""
    first = tensors[0]
    whole = first.new_zeros(len(tensors), first.shape[1], length, first.shape[3])
    for row, tensor in zip(whole, tensors, strict=True):
        row[:, length - tensor.shape[2] :] = tensor[0]
    return whole
