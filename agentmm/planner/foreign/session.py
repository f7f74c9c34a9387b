"""The session of a foreign model: its own cache, forked by views where its layers only grow, else by copying.

A cache whose layers slide, convolve or recur cannot go back. Of such a model the state at the end of each prompt is
kept beside the running one, with the logits there, so that a step can be sampled again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agentmm.planner.session import Key


@dataclass
class ForeignSession:
    """Keys that were fed, and the cache that the model made of them.

    Attributes:
        keys: one key per position in the cache, length T.
        cache: transformers' cache; None where nothing was fed.
        logits: after the last key, `[V]`; kept at the end of a prompt.
        failed: what was raised by a pass that left the cache half grown for good; None while it can go on.
    """

    keys: list[Key] = field(default_factory=list)
    cache: Any = None
    logits: Any = None
    failed: Exception | None = None

    @property
    def rigid(self) -> bool:
        """Whether the cache cannot go back."""
        from agentmm.planner.foreign.growing import only_grows

        return self.cache is not None and not only_grows(self.cache)

    def reach(self, shared: int, wanted: int) -> int:
        """How many of a prompt's `wanted` keys a fork can hold; a picture is never cut."""
        if self.rigid:
            whole = shared == len(self.keys) and (shared < wanted or self.logits is not None)
            return shared if whole else 0
        length = min(shared, wanted - 1)
        cut = self.keys[length] if length < len(self.keys) else 0
        return length - cut[1] if isinstance(cut, tuple) else length

    def fork(self, length: int) -> ForeignSession:
        """A session of the first `length` positions; this one stays whole."""
        if self.rigid:
            return ForeignSession(list(self.keys), copy.deepcopy(self.cache), self.logits)
        forked = copy.copy(self.cache)
        if forked is not None:
            forked.layers = [_begun(layer, length) for layer in forked.layers]
        return ForeignSession(self.keys[:length], forked)

    def cut(self, length: int) -> None:
        """Forget what the last pass fed after the first `length` positions; only for a cache that grows.

        Nobody may have forked this session since that pass.
        """
        if self.cache is not None and length < len(self.keys):
            self.cache.layers = [_begun(layer, length) for layer in self.cache.layers]
            for layer in self.cache.layers:
                if (room := getattr(layer, "room", None)) is not None:
                    room.go_back(length)
            self.keys = self.keys[:length]

    def recover(self, error: Exception) -> None:
        """Forget what a pass that failed has left in some layers; where that cannot be, go on with nothing more."""
        if self.cache is None:
            return
        if self.rigid:
            self.failed = error
        else:
            self.cache.layers = [_begun(layer, len(self.keys)) for layer in self.cache.layers]

    def gives_way(self) -> bool:
        """Whether a session that extends it makes it useless."""
        return self.logits is None

    @property
    def bytes(self) -> int:
        """Bytes that its tensors take, the room to grow included."""
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(self.cache))

    @property
    def per_key(self) -> float:
        """Bytes that each of its positions takes."""
        held = self.cache if self.rigid else [[layer.keys, layer.values] for layer in getattr(self.cache, "layers", ())]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(held))
        return size / max(1, len(self.keys))


def _begun(layer: Any, length: int) -> Any:
    """The first positions of a layer that only grows: `[1, heads, length, width]` views."""
    begun = copy.copy(layer)
    begun.keys, begun.values = layer.keys[:, :, :length], layer.values[:, :, :length]
    return begun


def tensors_of(part: Any) -> Iterator[Any]:
    """Every tensor in a cache."""
    if hasattr(part, "element_size"):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from tensors_of(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from tensors_of(value)
    elif getattr(part, "room", None) is not None:
        yield from (part.room.keys, part.room.values)
    elif type(part).__module__.startswith(("transformers", "agentmm")):
        yield from tensors_of(vars(part))
