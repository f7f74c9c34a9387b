"""The journal of a run: each finished call on disk before the run goes on, so that no finished call is made twice."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import IO, Any

from langchain_core.runnables import RunnableConfig

from agentmm.errors import TraceError

_lock = threading.Lock()


class Journal:
    """Lines of JSON, one a finished call; a line torn by a kill counts as never written.

    Args:
        path: the run's file; None for a run without a home, whose calls are not kept.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @classmethod
    def of(cls, trace: str, config: RunnableConfig) -> Journal:
        """The journal of a trace, in the folder that the config names (`configurable.agentmm_journal`)."""
        folder = (config.get("configurable") or {}).get("agentmm_journal")
        return cls(None if folder is None else Path(folder) / f"{trace}.jsonl")

    def write(self, step: int, call: str, entry: dict[str, Any], *, durable: bool = True) -> None:
        """Put a call's outcome in the file, where a kill of this process does not lose it.

        Args:
            step: number of the step.
            call: id of the call.
            entry: its outcome, JSON.
            durable: wait until the disk has it, so that a power cut does not lose it either; 1 to 3 ms.

        Raises:
            TraceError: the journal cannot be written.
        """
        if self.path is None:
            return
        line = json.dumps({"step": step, "call": call, **entry}, ensure_ascii=False) + "\n"
        try:
            with _lock:
                _append(self.path, line.encode(), durable=durable)
        except OSError as error:
            mend = "free some space, or name another folder with AGENTMM_HOME"
            raise TraceError(f"cannot write the journal {self.path}: {error.strerror}", mend=mend) from error

    def read(self, step: int) -> dict[str, dict[str, Any]]:
        """Outcomes of a step's finished calls, by call id."""
        if self.path is None or not self.path.exists():
            return {}
        begin = _beginning(step)
        entries = [_parsed(line) for line in self.path.read_bytes().splitlines() if line.startswith(begin)]
        return {entry["call"]: entry for entry in entries if entry is not None and entry["step"] == step}

    def close(self) -> None:
        """Remove the file of a run that is over."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _append(path: Path, line: bytes, *, durable: bool) -> None:
    """Add a line after a torn one's remains."""
    with _opened(path) as file:
        torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
        file.write(b"\n" * torn + line)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def _opened(path: Path) -> IO[bytes]:
    """The file, to be read and added to; its folder is made."""
    try:
        return path.open("ab+")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab+")


def _beginning(step: int) -> bytes:
    """How the lines of a step begin: those of others need no reading."""
    return f'{{"step": {step}, '.encode()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"step", "call"} <= set(entry) else None
