"""The folder of a worker: gone with it, or, where it was killed, when the next worker of this machine starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "agentmm-worker-"
_LOCK = "alive"


class WorkerFolder:
    """A folder among the temporary ones, of this process alone; what dead workers left there is removed first.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        root = Path(tempfile.gettempdir())
        _sweep(root)
        draft = Path(tempfile.mkdtemp(prefix="agentmm-starting-"))  # not swept: it gets its name once it is locked
        self._lock = os.open(draft / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = draft.rename(root / draft.name.replace("agentmm-starting-", _PREFIX))

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def _sweep(root: Path) -> None:
    """Remove folders whose lock nobody holds."""
    for path in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
