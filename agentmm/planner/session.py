"""The cache session: a step feeds only the tokens that are new, and an image meets the encoder once per episode.

A session is found by content, never by thread: the longest common prefix of its keys with the prompt's. A key is a
token id, or, where an image stands, the image's hash and the offset within it: two different images have equal token
ids, so ids alone would give false hits.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Key = int | tuple[str, int]

DEFAULT_BYTES = 256 * 2**20
"""Bytes of key-value caches and image features that sessions may hold together."""


@dataclass
class Session:
    """Keys that were fed, their key-value cache, and the features of the images among them.

    Attributes:
        keys: one key per position in the cache, length T.
        layers: per decoder layer the keys and values, each `[1, heads, T, width]`.
        features: per image hash its projected tokens `[Q, D]`.
    """

    keys: list[Key] = field(default_factory=list)
    layers: list[tuple[Any, Any]] = field(default_factory=list)
    features: dict[str, Any] = field(default_factory=dict)

    def fork(self, length: int) -> Session:
        """A session of the first `length` positions; tensors are views, the original stays whole."""
        kept = self.keys[:length]
        shas = {key[0] for key in kept if isinstance(key, tuple)}
        return Session(
            kept,
            [(k[:, :, :length], v[:, :, :length]) for k, v in self.layers],
            {sha: value for sha, value in self.features.items() if sha in shas},
        )

    def reach(self, shared: int, wanted: int) -> int:
        """How many of a prompt's `wanted` keys a fork can hold, of which it shares the first `shared`.

        At least one key is left to feed, since a step needs the logits after its last key.
        """
        return min(shared, wanted - 1)

    def gives_way(self) -> bool:
        """Whether a session that extends it makes it useless."""
        return True

    @property
    def bytes(self) -> int:
        """Bytes that its tensors take."""
        tensors = [tensor for pair in self.layers for tensor in pair] + list(self.features.values())
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def common_prefix(left: Sequence[Key], right: Sequence[Key]) -> int:
    """Length of the longest common prefix of two key sequences."""
    low, high = 0, min(len(left), len(right))
    while low < high:  # slices are compared in no time, keys one by one are not
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


WORTH = 8
"""With so many keys in common, one prompt is fed before the other; to feed fewer twice is cheaper than a pass more."""


def waits(keys: Sequence[Key], known: int, others: Sequence[Sequence[Key]]) -> bool:
    """Whether a prompt is better fed after one of others: it begins like it, further than what is known of it.

    Args:
        keys: the prompt's.
        known: how many of them a session holds.
        others: the prompts that are fed now.
    """
    return any(min(common_prefix(keys, other), len(keys) - 1) >= known + WORTH for other in others)


class Sessions:
    """A byte-bounded store of sessions, least recently used first out; safe across threads.

    Eviction costs time only: a prompt whose session is gone is fed from its start again. What is being written takes
    its bytes out of the same limit (`leave`).

    Args:
        limit_bytes: most bytes that the sessions may hold together.
        fresh: makes an empty session; its class says what a session of this kind of model is.
    """

    def __init__(self, limit_bytes: int = DEFAULT_BYTES, fresh: Callable[[], Any] = Session) -> None:
        self.limit_bytes, self.fresh = limit_bytes, fresh
        self._lock = threading.Lock()
        self._sessions: OrderedDict[int, Any] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._next, self._left = 0, 0

    def leave(self, size: int) -> None:
        """Leave so many of the bytes to sequences that are being written; sessions that no longer fit go."""
        with self._lock:
            self._left = size
            self._evict()

    def find(self, keys: Sequence[Key]) -> Any:
        """A fork of the stored session that reaches furthest into `keys`; an empty one where none reaches."""
        with self._lock:
            best, length = None, 0
            for number, session in self._sessions.items():
                shared = session.reach(common_prefix(session.keys, keys), len(keys))
                if shared > length:
                    best, length = number, shared
            if best is None:
                return self.fresh()
            self._sessions.move_to_end(best)
            return self._sessions[best].fork(length)

    def shows(self, sha: str) -> bool:
        """Whether a session holds the features of an image."""
        with self._lock:
            return any(sha in session.features for session in self._sessions.values())

    def keep(self, session: Any) -> None:
        """Store a session; one that it extends gives way to it."""
        with self._lock:
            covered = [
                number
                for number, old in self._sessions.items()
                if common_prefix(old.keys, session.keys) == len(old.keys)
                and (old.gives_way() or len(old.keys) == len(session.keys))
            ]
            for number in covered:
                del self._sessions[number], self._sizes[number]
            self._sessions[self._next], self._sizes[self._next] = session, session.bytes
            self._next += 1
            self._evict()

    def _evict(self) -> None:
        total = sum(self._sizes.values())
        while total > self.limit_bytes - self._left and self._sessions:
            number, _ = self._sessions.popitem(last=False)
            total -= self._sizes.pop(number)

    def clear(self) -> None:
        """Forget every session."""
        with self._lock:
            self._sessions.clear()
            self._sizes.clear()

    @property
    def bytes(self) -> int:
        """Bytes that all sessions hold now."""
        with self._lock:
            return sum(self._sizes.values())

    def __len__(self) -> int:
        with self._lock:
            return len(self._sessions)
