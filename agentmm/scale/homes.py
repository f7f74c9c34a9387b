"""The homes of a worker, one after another: what was sent leaves the disk with the home that it lies in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from agentmm.errors import AgentmmError
from agentmm.nodes.running import store_at

MOST_BYTES = 256 * 2**20
"""What a home takes in before the next one is made."""


class _Closes(Protocol):
    def close(self) -> None:
        """Let go of what it has open."""


T = TypeVar("T", bound=_Closes)


class Home(Generic[T]):
    """One folder and what works in it.

    Attributes:
        works: what was made for it.
        media_bytes: of the media that came into it; whoever brings them counts.
        tasks: how many are at work in it.
    """

    def __init__(self, folder: Path, works: T) -> None:
        self.folder, self.works = folder, works
        self.media_bytes = self.tasks = 0

    @property
    def bytes(self) -> int:
        """What lies in it: its media, and the databases beside them."""
        return self.media_bytes + sum(map(_size, self.folder.glob("*.db*")))

    def remove(self) -> None:
        """Close it and remove its folder."""
        with suppress(AgentmmError):  # what is in it was sent
            self.works.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        store_at.cache_clear()  # it holds decoded media


class Homes(Generic[T]):
    """Gives each task the newest home; an older one is removed once the last task in it is done.

    Two tasks at once may share a medium, so none is removed from under them one by one.

    Args:
        root: folder in which they lie.
        make: (folder) -> what works there.
        most_bytes: what a home takes in before the next is made.
    """

    def __init__(self, root: Path, make: Callable[[Path], T], most_bytes: int = MOST_BYTES) -> None:
        self._root, self._make, self._most = root, make, most_bytes
        self._lock, self._count = threading.Lock(), 0
        self._newest = self._next()

    @contextmanager
    def task(self) -> Iterator[Home[T]]:
        """A home for one task; called by several threads at once."""
        with self._lock:
            full = self._newest if self._newest.bytes >= self._most else None
            if full is not None:
                self._newest = self._next()
                self._leave(full)
            home = self._newest
            home.tasks += 1
        try:
            yield home
        finally:
            with self._lock:
                home.tasks -= 1
                self._leave(home)

    def close(self) -> None:
        """Close the newest."""
        self._newest.works.close()

    def _next(self) -> Home[T]:
        self._count += 1
        folder = self._root / str(self._count)
        return Home(folder, self._make(folder))

    def _leave(self, home: Home[T]) -> None:
        """Remove a home in which nothing will happen any more."""
        if home is not self._newest and not home.tasks:
            home.remove()


def _size(path: Path) -> int:
    """Bytes of a file; none where SQLite has removed it meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
