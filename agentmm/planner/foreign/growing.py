"""Cache layers with room to grow: a token is written behind the others, where transformers copies all of them.

Only layers that keep everything are exchanged for these. A fork shares the memory of what it forked from; whoever goes
on first writes there, and the other one moves into memory of its own.
"""

from __future__ import annotations

from typing import Any

from transformers.cache_utils import DynamicCache, DynamicLayer

SPARE = 32
"""Positions that are made ready whenever a layer must move."""


class Room:
    """Memory of one layer's keys and values, each `[B, heads, capacity, width]`.

    What was written never changes, unless who wrote it takes it back at once.

    Args:
        keys: `[B, heads, T, width]`, copied to its beginning.
        values: the same.
        new: how many positions come next.

    Attributes:
        written: positions that are taken.
    """

    def __init__(self, keys: Any, values: Any, new: int) -> None:
        self.written = keys.shape[-2]
        self.keys, self.values = (_wide(tensor, self.written + new + SPARE) for tensor in (keys, values))

    def follows(self, keys: Any, values: Any, new: int) -> bool:
        """Whether positions that come after these can be written here: these are all that was, and there is room."""
        here = all(
            own.data_ptr() == whole.data_ptr() and own.stride() == whole.stride() and own.shape[:2] == whole.shape[:2]
            for own, whole in ((keys, self.keys), (values, self.values))
        )
        return here and keys.shape[-2] == self.written and self.written + new <= self.keys.shape[-2]

    def take(self, keys: Any, values: Any) -> tuple[Any, Any]:
        """Write further positions `[B, heads, new, width]`; returns views of all."""
        begin, self.written = self.written, self.written + keys.shape[-2]
        self.keys[:, :, begin : self.written].copy_(keys)
        self.values[:, :, begin : self.written].copy_(values)
        return self.views()

    def go_back(self, length: int) -> None:
        """Take back what was written last, and nobody else has seen: it will be written over."""
        self.written = min(self.written, length)

    def views(self) -> tuple[Any, Any]:
        """All keys and values that were written."""
        return self.keys[:, :, : self.written], self.values[:, :, : self.written]


class Growing(DynamicLayer):
    """A layer that only grows, as `DynamicLayer` does, but in place.

    Attributes:
        room: where `keys` and `values` stand; None, or another's, where they must move before they grow.
    """

    room: Room | None = None

    @classmethod
    def of(cls, layer: DynamicLayer) -> Growing:
        """A layer in a room of its own: forks that are made before it grows share it."""
        made = cls()
        vars(made).update(vars(layer))
        if made.is_initialized and made.keys is not None and made.values is not None:
            made.room = Room(made.keys, made.values, 0)
            made.keys, made.values = made.room.views()
        return made

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Add positions; returns views of all, `[B, heads, T, width]`."""
        keys, values, new = self.keys, self.values, key_states.shape[-2]
        if not self.is_initialized or keys is None or values is None or keys.dtype != key_states.dtype:
            return super().update(key_states, value_states, *args, **kwargs)
        if self.room is None or not self.room.follows(keys, values, new):
            self.room = Room(keys, values, new)
        self.keys, self.values = self.room.take(key_states, value_states)
        return self.keys, self.values


def growing(cache: Any) -> Any:
    """A model's cache, its layers able to grow in place where all of them keep everything; else as it is."""
    if only_grows(cache):
        for index, layer in enumerate(cache.layers):
            if type(layer) is DynamicLayer:
                cache.layers[index] = Growing.of(layer)
    return cache


def only_grows(cache: Any) -> bool:
    """Whether each layer of a cache keeps every position as it was written."""
    layers = getattr(cache, "layers", ())
    return type(cache) is DynamicCache and all(type(layer) in (DynamicLayer, Growing) for layer in layers)


def _wide(tensor: Any, capacity: int) -> Any:
    """The tensor's positions at the beginning of memory for more."""
    batch, heads, length, width = tensor.shape
    wide = tensor.new_empty(batch, heads, capacity, width)
    wide[:, :, :length] = tensor
    return wide
