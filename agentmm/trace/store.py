"""The trace store: append-only events in a SQL database, a summary row a trace, labels beside them.

SQLite runs in WAL mode with `synchronous=NORMAL`: a committed event is in the file system's hands, so a killed process
(kill -9 included) loses no finished step and never leaves the database unreadable; FULL would add one fsync an event
(milliseconds each) to protect the last moments before a *power cut* only.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from agentmm.errors import MissingExtra, TraceError, UnknownTrace
from agentmm.media.home import default_home
from agentmm.trace.fold import seal, told
from agentmm.trace.schema import Trace
from agentmm.trace.tables import EVENTS, LABELS, METADATA, TRACES, summary_of
from agentmm.trace.writing import EVENTS_OF, transaction

_ATTEMPTS = 200
_TURNING = frozenset({"start", "end", "pause", "error", "refused"})
_SECRET = frozenset({"password", "sslpassword"})
"""Options of a database's URL that are not told."""
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


class TraceStore:
    """Traces in a database.

    Args:
        where: a file (SQLite), or the URL of a PostgreSQL database, `postgresql://user@host/name` (extra `postgres`);
            `default_home()/traces.db` where None.
        batch: events kept in memory before they are written together; 1 (write before returning) for everything but
            bulk collection, where a lost run is simply made again.

    Raises:
        TraceError: the database cannot be opened or is no trace store.
        MissingExtra: a PostgreSQL URL without its driver.
    """

    def __init__(self, where: str | os.PathLike[str] | None = None, *, batch: int = 1) -> None:
        self.url = _url(where)
        self.batch = max(1, batch)
        self._rows: list[dict[str, Any]] = []
        self._said: list[dict[str, Any]] = []
        self._next: dict[str, int] = {}
        self._lock = threading.RLock()
        with _clear_errors(self.url):
            self._engine = _engine(self.url, durable=self.batch == 1)
            _patiently(lambda: METADATA.create_all(self._engine))

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for other databases."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:///") else None

    @property
    def called(self) -> str:
        """How errors call it: its file, or its URL without the password."""
        return without_password(self.url)

    def append(self, trace_id: str, kind: str, payload: dict[str, Any]) -> None:
        """Write one event; it is stored when this returns (unless `batch` > 1).

        Raises:
            TraceError: it could not be written, a full disk for one.
        """
        row = {"trace_id": trace_id, "kind": kind, "payload": _dump(payload), "at": time.time()}
        with self._lock:
            row["seq"] = self._seq(trace_id)
            self._rows.append(row)
            if len(self._rows) >= self.batch:
                self.flush()

    def flush(self, only: str | None = None) -> None:
        """Write what is kept in memory, and bring the summaries up to date.

        Args:
            only: a trace that is finished; what is kept of others stays in memory. None writes everything.

        Raises:
            TraceError: it could not be written.
        """
        with self._lock, _clear_errors(self.url):
            rows, said = ([row for row in kept if only in (None, row["trace_id"])] for kept in (self._rows, self._said))
            self._rows = [] if only is None else [row for row in self._rows if row["trace_id"] != only]
            self._said = [] if only is None else [row for row in self._said if row["trace_id"] != only]
            if not rows and not said:
                return
            with transaction(self._engine) as write:
                if rows:
                    write.add(EVENTS, rows)
                if said:
                    write.add(LABELS, said)
                turned = {row["trace_id"] for row in rows if row["seq"] == 0 or row["kind"] in _TURNING}
                for trace_id in sorted(turned):
                    events = write.events(trace_id)
                    write.summarise(summary_of(seal(_told(events, trace_id)), len(events)))

    def label(self, trace_id: str, name: str, value: Any, author: str = "agentmm") -> None:
        """Say something about a trace; of several under one name the last counts, all are kept.

        Raises:
            TraceError: it could not be written.
        """
        with self._lock:
            self._said.append(_label(trace_id, name, value, author))
            if self.batch == 1:
                self.flush()

    def receive(
        self,
        trace_id: str,
        events: Sequence[tuple[str, dict[str, Any], float]],
        labels: Mapping[str, Any],
    ) -> None:
        """Write a trace that was recorded elsewhere, its labels with it: whole, or nothing of it.

        Args:
            trace_id: its id; nothing may have been written under it.
            events: `(kind, payload, at)` in order; `at` in seconds since 1970.
            labels: name to value.

        Raises:
            TraceError: there is a trace of that id, or it could not be written.
        """
        with self._lock:
            if self._peek(trace_id):
                raise TraceError("there is a trace of that id already", got=trace_id)
            self._rows += [
                {"trace_id": trace_id, "kind": kind, "payload": _dump(payload), "at": at, "seq": self._seq(trace_id)}
                for kind, payload, at in events
            ]
            self._said += [_label(trace_id, name, value) for name, value in labels.items()]
            try:
                self.flush(trace_id)
            except Exception:  # of any kind, and raised again: nothing was written, so its numbers begin anew
                self._next.pop(trace_id, None)
                raise

    def get(self, trace_id: str) -> Trace:
        """One trace; an unambiguous beginning of its id (4 characters or more), or `last`, will do.

        Raises:
            TraceError: there is none, or several begin so.
        """
        full = self.find(trace_id)
        with _clear_errors(self.url), self._engine.connect() as connection:
            return _load(connection, full)

    def finished(self, trace_id: str) -> Trace:
        """A trace that is finished, by its whole id; what is kept of others stays in memory.

        Raises:
            TraceError: it cannot be written or read.
        """
        self.flush(trace_id)
        with _clear_errors(self.url), self._engine.connect() as connection:
            return _load(connection, trace_id)

    def find(self, prefix: str) -> str:
        """The full id for an id, its beginning, or `last`.

        Raises:
            TraceError: there is none, or several begin so.
        """
        self.flush()
        with _clear_errors(self.url), self._engine.connect() as connection:
            if prefix == "last":
                query = sa.select(TRACES.c.id).order_by(TRACES.c.created.desc()).limit(1)
            else:
                exact = sa.select(TRACES.c.id).where(TRACES.c.id == prefix)
                if connection.execute(exact).first() is not None:
                    return prefix
                query = sa.select(TRACES.c.id).where(TRACES.c.id.startswith(prefix, autoescape=True))
                query = query.order_by(TRACES.c.id).limit(3)
            found = [row.id for row in connection.execute(query)]
        if len(found) == 1 and (prefix == "last" or len(prefix) >= 4):
            return found[0]
        problem = "several traces begin so" if len(found) > 1 else "no such trace"
        raise UnknownTrace(problem, got=prefix, expected=f"an id in {self.called}", mend="agentmm traces list")

    def __iter__(self) -> Iterator[Trace]:
        """Every trace, oldest first."""
        yield from self.traces()

    def __len__(self) -> int:
        self.flush()
        with _clear_errors(self.url), self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(TRACES)).scalar_one()

    def traces(self, **where: Any) -> Iterator[Trace]:
        """Whole traces, oldest first.

        Args:
            where: equal columns of the summary: `status`, `planner`, `graph`, `question`, `source`, `parent`, `hash`.
        """
        ids = [row["id"] for row in self.summaries(limit=None, newest_first=False, **where)]
        with _clear_errors(self.url), self._engine.connect() as connection:
            for trace_id in ids:
                yield _load(connection, trace_id)

    def summaries(self, limit: int | None = 50, newest_first: bool = True, **where: Any) -> list[dict[str, Any]]:
        """Summary rows: `id, parent, created, graph, planner, source, question, status, answer, steps, calls, hash`.

        Raises:
            TraceError: a column of `where` does not exist.
        """
        self.flush()
        query = sa.select(TRACES)
        for name, value in where.items():
            if name not in TRACES.c:
                raise TraceError("a trace has no such column", got=name, expected=", ".join(TRACES.c.keys()))
            query = query.where(TRACES.c[name] == value)
        order = TRACES.c.created.desc() if newest_first else TRACES.c.created.asc()
        with _clear_errors(self.url), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(order, TRACES.c.id).limit(limit))
            return [dict(row._mapping) for row in rows]

    def events(self, trace_id: str) -> list[dict[str, Any]]:
        """A trace's events as written: `seq, kind, payload, at`."""
        self.flush()
        with _clear_errors(self.url), self._engine.connect() as connection:
            query = sa.select(EVENTS).where(EVENTS.c.trace_id == trace_id).order_by(EVENTS.c.seq)
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [{**row, "payload": json.loads(row["payload"])} for row in rows]

    def counters(self, trace_id: str) -> dict[str, float]:
        """The counters of a trace, summed over its steps (`Trace.counters`); empty where it has no event."""
        self.flush()
        with _clear_errors(self.url), transaction(self._engine) as read:
            events = read.events(trace_id)
        return _told(events, trace_id).counters if events else {}

    def has(self, trace_id: str) -> bool:
        """Whether a trace has any event."""
        with self._lock:
            return self._peek(trace_id) > 0

    def labelled(self, name: str) -> dict[str, Any]:
        """Trace id to the last value said under a name."""
        self.flush()
        with _clear_errors(self.url), self._engine.connect() as connection:
            query = sa.select(LABELS.c.trace_id, LABELS.c.value).where(LABELS.c.name == name).order_by(LABELS.c.id)
            return {row.trace_id: json.loads(row.value) for row in connection.execute(query)}

    def absorb(self, other: TraceStore) -> int:
        """Copy another store's traces, events and labels that are not here yet; give how many traces came."""
        known = {row["id"] for row in self.summaries(limit=None)}
        new = [row["id"] for row in other.summaries(limit=None, newest_first=False) if row["id"] not in known]
        with _clear_errors(self.url), other._engine.connect() as source, self._engine.begin() as connection:
            for start in range(0, len(new), 200):
                part = new[start : start + 200]
                for table, key in ((EVENTS, EVENTS.c.trace_id), (TRACES, TRACES.c.id), (LABELS, LABELS.c.trace_id)):
                    rows = [dict(row._mapping) for row in source.execute(sa.select(table).where(key.in_(part)))]
                    for row in rows if table is LABELS else ():
                        row.pop("id")
                    if rows:
                        connection.execute(sa.insert(table), rows)
        return len(new)

    def close(self) -> None:
        """Write what is left and let go of the database."""
        self.flush()
        self._engine.dispose()

    def _seq(self, trace_id: str) -> int:
        """Take the next number of a trace's events."""
        number = self._peek(trace_id)
        self._next[trace_id] = number + 1
        return number

    def _peek(self, trace_id: str) -> int:
        """How many events a trace has; it may have begun in another process."""
        if trace_id not in self._next:
            with _clear_errors(self.url), self._engine.connect() as connection:
                query = sa.select(sa.func.max(EVENTS.c.seq)).where(EVENTS.c.trace_id == trace_id)
                last = connection.execute(query).scalar()
            if last is None:  # not kept: another process may begin it meanwhile
                return 0
            self._next[trace_id] = last + 1
        return self._next[trace_id]


def _told(rows: Sequence[tuple[str, str, float]], trace_id: str, labels: dict[str, Any] | None = None) -> Trace:
    """The trace that rows of events tell, without its hash."""
    events = [(kind, json.loads(payload)) for kind, payload, _ in rows]
    return told(trace_id, events, created=rows[0][2] if rows else 0.0, labels=labels)


def _load(connection: sa.Connection, trace_id: str) -> Trace:
    """A trace with its labels, under the hash it was sealed with: events changed afterwards do not change the hash."""
    query = sa.select(LABELS.c.name, LABELS.c.value).where(LABELS.c.trace_id == trace_id).order_by(LABELS.c.id)
    said = {row.name: json.loads(row.value) for row in connection.execute(query)}
    events = [tuple(row) for row in connection.execute(EVENTS_OF, {"trace_id": trace_id})]
    trace = _told(events, trace_id, said)
    query = sa.select(TRACES.c.hash, TRACES.c.chain, TRACES.c.events).where(TRACES.c.id == trace_id)
    sealed = connection.execute(query).one_or_none()
    if sealed is None or sealed.events != len(events):
        return seal(trace)
    trace.hash, trace.chain = sealed.hash, sealed.chain.split(",")
    return trace


def _label(trace_id: str, name: str, value: Any, author: str = "agentmm") -> dict[str, Any]:
    return {"trace_id": trace_id, "name": name, "value": _dump(value), "author": author, "at": time.time()}


def _dump(value: Any) -> str:
    return _JSON.encode(value)


def _url(where: str | os.PathLike[str] | None) -> str:
    text = str(where) if where is not None else str(default_home() / "traces.db")
    return text if "://" in text else f"sqlite:///{Path(text).expanduser().absolute()}"


def _engine(url: str, durable: bool) -> sa.Engine:
    """An engine; SQLite in WAL mode, its folder made."""
    if not url.startswith("sqlite"):
        return _postgres(url)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", f"synchronous={'NORMAL' if durable else 'OFF'}"):
            _patiently(lambda pragma=pragma: connection.execute(f"PRAGMA {pragma}").close())

    return engine


def _patiently(action: Callable[[], Any]) -> None:
    """Do what SQLite's own waiting does not cover: switching to WAL, making tables that another process makes too."""
    for attempt in range(_ATTEMPTS):
        try:
            action()
        except (sqlite3.OperationalError, OperationalError) as error:
            waits = any(words in str(error) for words in ("is locked", "already exists"))
            if not waits or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _postgres(url: str) -> sa.Engine:
    """An engine of a PostgreSQL server, with psycopg where the URL names no driver."""
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        line = "the URL of the trace store is malformed"
        raise TraceError(line, got=without_password(url), expected="postgresql://user@host:5432/name") from error
    if parsed.get_backend_name() != "postgresql":
        raise TraceError(
            "no such trace store", got=without_password(url), expected="a file, or postgresql://user@host/name"
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "postgres") from error


@contextmanager
def _clear_errors(url: str) -> Iterator[None]:
    """Database and disk errors as one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
        full = "full" in reason or "No space" in reason or "disk I/O" in reason
        mend = "free some space, or set AGENTMM_HOME to another disk" if full else "agentmm doctor"
        first = next(iter(reason.splitlines()), type(error).__name__)
        raise TraceError(f"cannot use the trace store {without_password(url)}", got=first, mend=mend) from error


def without_password(where: str) -> str:
    """How a store is told of: a file by its path, a database by its URL without passwords.

    Args:
        where: a file, or a URL.
    """
    if "://" not in where:
        return where
    if where.startswith("sqlite"):
        return where[10:]
    try:
        url = sa.make_url(where)
        kept = {name: "..." if name in _SECRET else value for name, value in url.query.items()}
        return url.set(query=kept).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):  # not quoted: it may hold a password anywhere
        return f"{where.partition('://')[0]}://..."
