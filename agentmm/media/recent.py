"""The media decoded last, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from agentmm.media.audio import Audio
from agentmm.media.image import Image, Mask
from agentmm.media.video import Video

Stored = Image | Audio | Video | Mask


class Recent:
    """A least-recently-used store of decoded media; safe to use from several threads.

    Args:
        limit_bytes: most bytes held; a medium larger than that is not kept.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held: OrderedDict[str, Stored] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, sha: str) -> Stored | None:
        """The medium, now the most recent one, or None."""
        with self._lock:
            if sha in self._held:
                self._held.move_to_end(sha)
            return self._held.get(sha)

    def put(self, sha: str, media: Stored) -> None:
        """Hold a medium and let go of the oldest ones that no longer fit."""
        if media.nbytes > self._limit:
            return
        with self._lock:
            old = self._held.pop(sha, None)
            self._bytes += media.nbytes - (old.nbytes if old else 0)
            self._held[sha] = media
            while self._bytes > self._limit:
                _, gone = self._held.popitem(last=False)
                self._bytes -= gone.nbytes
