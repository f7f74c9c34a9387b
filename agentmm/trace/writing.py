"""One transaction of a trace store: of SQLite by statements that were compiled once, of servers through SQLAlchemy.

An event is a row of some hundred bytes, and a run waits for it; SQLAlchemy's way to one takes longer than SQLite's own.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from agentmm.trace.tables import EVENTS, LABELS, TRACES


class Writes(ABC):
    """What is written and read back in one transaction."""

    @abstractmethod
    def add(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows to the events or labels."""

    @abstractmethod
    def events(self, trace_id: str) -> list[tuple[str, str, float]]:
        """A trace's events in order, those of this transaction included: `(kind, payload, at)`."""

    @abstractmethod
    def summarise(self, row: dict[str, Any]) -> None:
        """Write the summary row of a trace, anew where there is one."""


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[Writes]:
    """Begin a transaction; it is committed at the end, and undone where anything is raised.

    Raises:
        sqlite3.Error: SQLite cannot write.
        SQLAlchemyError: a server cannot.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield _Through(connection)
        return
    pooled = engine.raw_connection()
    try:
        direct = pooled.driver_connection
        assert isinstance(direct, sqlite3.Connection)
        with direct:
            yield _Direct(direct)
    finally:
        pooled.close()


EVENTS_OF = (
    sa.select(EVENTS.c.kind, EVENTS.c.payload, EVENTS.c.at)
    .where(EVENTS.c.trace_id == sa.bindparam("trace_id"))
    .order_by(EVENTS.c.seq)
)
"""A trace's events in order: `kind, payload, at`."""


def _upsert(insert: Any) -> Any:
    """The statement of a summary row in a dialect."""
    new = insert(TRACES)
    rest = {column.name: new.excluded[column.name] for column in TRACES.c if column.name != "id"}
    return new.on_conflict_do_update(index_elements=["id"], set_=rest)


def _compiled(statement: Any, table: sa.Table | None = None) -> str:
    """SQL that `sqlite3` takes with a dict; a key that the database counts itself is left to it."""
    keys = None if table is None else [column.name for column in table.c if column.autoincrement is not True]
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named"), column_keys=keys))


_ADD_SQL = {table.name: _compiled(sa.insert(table), table) for table in (EVENTS, LABELS)}
_EVENTS_SQL, _SUMMARISE_SQL = _compiled(EVENTS_OF), _compiled(_upsert(sqlite.insert))
_SUMMARISE = _upsert(postgresql.insert)


class _Direct(Writes):
    """SQLite's own connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        self._connection.executemany(_ADD_SQL[table.name], rows)

    def events(self, trace_id: str) -> list[tuple[str, str, float]]:
        return self._connection.execute(_EVENTS_SQL, {"trace_id": trace_id}).fetchall()

    def summarise(self, row: dict[str, Any]) -> None:
        self._connection.execute(_SUMMARISE_SQL, row)


class _Through(Writes):
    """A connection of SQLAlchemy."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        self._connection.execute(sa.insert(table), rows)

    def events(self, trace_id: str) -> list[tuple[str, str, float]]:
        return [tuple(row) for row in self._connection.execute(EVENTS_OF, {"trace_id": trace_id})]

    def summarise(self, row: dict[str, Any]) -> None:
        self._connection.execute(_SUMMARISE, row)
