"""Checkpoints on disk, small: of each thread only the newest is kept, since a run resumes from nothing older."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from agentmm.errors import TraceError

_BUSY_S = 30.0
_WAL_PAGES = 128
_COLUMNS = ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type", "checkpoint", "metadata")
_PUT = f"INSERT OR REPLACE INTO checkpoints ({', '.join(_COLUMNS)}) VALUES (:{', :'.join(_COLUMNS)})"
_BEFORE = "thread_id=:thread_id AND checkpoint_ns=:checkpoint_ns AND checkpoint_id<:checkpoint_id"  # ids sort by time
_DROPS = tuple(f"DELETE FROM {table} WHERE {_BEFORE}" for table in ("checkpoints", "writes"))


class Checkpoints(SqliteSaver):
    """LangGraph's SQLite saver that drops superseded checkpoints and also serves `ainvoke`.

    Only JSON types and messages come back out of it, as with `LANGGRAPH_STRICT_MSGPACK=true`.

    Args:
        path: the database file; its folder is made.
        keep_all: keep superseded checkpoints too, for rewinding and forking; the database then grows with every step.

    Raises:
        TraceError: it cannot be opened; later, that it cannot be written.
    """

    def __init__(self, path: Path, *, keep_all: bool = False) -> None:
        self.path, self.keep_all = path, keep_all
        with self._telling():
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, check_same_thread=False, timeout=_BUSY_S)
            super().__init__(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            self.setup()
            self.conn.execute("PRAGMA synchronous=NORMAL")  # a kill loses nothing; the journal outlives a power cut
            self.conn.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
            self.conn.execute(f"PRAGMA journal_size_limit={_WAL_PAGES * 4096}")

    def close(self) -> None:
        """Close the database."""
        self.conn.close()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint and drop the ones it supersedes, in one transaction."""
        if self.keep_all:
            with self._telling():
                return super().put(config, checkpoint, metadata, new_versions)
        given = config.get("configurable", {})
        place = {key: given[key] for key in ("thread_id", "checkpoint_ns")} | {"checkpoint_id": checkpoint["id"]}
        told = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False).encode("utf-8", "ignore")
        row = {
            **place, "thread_id": str(place["thread_id"]), "parent_checkpoint_id": given.get("checkpoint_id"),
            **dict(zip(("type", "checkpoint"), self.serde.dumps_typed(checkpoint), strict=True)), "metadata": told,
        }  # fmt: skip
        with self._telling(), self.cursor() as cursor:
            cursor.execute(_PUT, row)
            for drop in _DROPS:
                cursor.execute(drop, row)
        return {"configurable": place}

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a finished node wrote."""
        with self._telling():
            super().put_writes(config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple` beside the event loop."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put` beside the event loop."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """`put_writes` beside the event loop."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """`list` for async callers."""
        for found in self.list(config, filter=filter, before=before, limit=limit):
            yield found

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            mend = "free some space, or name another folder with AGENTMM_HOME"
            raise TraceError(f"cannot write checkpoints to {self.path}: {error}", mend=mend) from error
