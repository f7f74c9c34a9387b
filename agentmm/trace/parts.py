"""Parts: stores that the processes of a collection write beside its own, which then takes them over."""

from __future__ import annotations

import re
from pathlib import Path

from agentmm.trace.store import TraceStore


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
