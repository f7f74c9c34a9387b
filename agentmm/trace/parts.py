"""Parts: stores that the processes of a collection write beside its own, which then takes them over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentmm.errors import TraceError
from agentmm.trace.store import TraceStore

try:
    import fcntl
except ImportError:  # not on Windows: nothing keeps two collections apart there
    fcntl = None  # type: ignore[assignment]  # a module's name, looked at before it is used


def part_of(out: Path, index: int) -> Path:
    """The store of one process: `gold.db`, 0 -> `gold.part0.db`."""
    return out.with_suffix(f".part{index}.db")


def parts_of(out: Path) -> list[Path]:
    """The parts that lie beside a store's file: of a collection that goes on, or of one that was killed."""
    named = re.compile(rf"{re.escape(out.stem)}\.part\d+\.db")
    return sorted(path for path in out.parent.glob("*.part*.db") if named.fullmatch(path.name))


def absorb_parts(store: TraceStore, out: Path) -> None:
    """Take over what processes have written beside `out`, the file of `store`, and delete their stores.

    Each part is taken whole or not at all: one that is cut off here is there for the next time.

    Raises:
        TraceError: a part cannot be read, or the store cannot be written.
    """
    for part in parts_of(out):
        other = TraceStore(part)
        try:
            store.absorb(other)
        finally:
            other.close()
        for path in (part, part.with_name(part.name + "-wal"), part.with_name(part.name + "-shm")):
            path.unlink(missing_ok=True)


@contextmanager
def collecting(out: Path) -> Iterator[None]:
    """Keep other collections out of a store: they would take over, and delete, parts that are still written.

    The lock is the process's own, so that it is gone when that is killed.

    Raises:
        TraceError: a collection goes on in this store.
    """
    if fcntl is None:
        yield
        return
    path = out.with_name(f"{out.name}.collecting")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _locked(path)
    while lock is not None and not _names(path, lock):  # another one ended, and removed it, before it was locked here
        os.close(lock)
        lock = _locked(path)
    if lock is None:
        mend = "wait until it ends, or another store"
        raise TraceError("a collection goes on in this store", got=str(out), mend=mend)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _locked(path: Path) -> int | None:
    """The descriptor of a file that this process has locked; None where another one has."""
    assert fcntl is not None
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise
        return None
    return lock


def _names(path: Path, lock: int) -> bool:
    """Whether a path still names the file of a descriptor."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False
