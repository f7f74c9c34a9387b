"""The folder of a worker: gone with it, or, where it was killed, when the next worker of this machine starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX = "agentmm-worker-"
_DRAFT = "agentmm-starting-"
_LOCK = "alive"
_DRAFT_S = 3600.0
"""Age from which a folder that never got its name, its worker killed meanwhile, is removed, seconds."""


class WorkerFolder:
    """A folder among the temporary ones, of this process alone; what dead workers left there is removed first.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        root = Path(tempfile.gettempdir())
        _sweep(root)
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT))  # it gets its name once it is locked
        self._lock = os.open(draft / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = draft.rename(root / draft.name.replace(_DRAFT, _PREFIX))

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def _sweep(root: Path) -> None:
    """Remove folders whose lock nobody holds, and those without one, which have been removed only in part.

    A folder has its name only once it is locked, so that none that is just being made is taken for one of these.
    """
    for path in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            try:
                lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            except FileNotFoundError:
                _remove_own(path)
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
    for path in root.glob(f"{_DRAFT}*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _DRAFT_S:
                _remove_own(path)


def _remove_own(path: Path) -> None:
    """Remove a folder of this user; a link is none."""
    if path.lstat().st_uid == os.getuid():
        shutil.rmtree(path, ignore_errors=True)
