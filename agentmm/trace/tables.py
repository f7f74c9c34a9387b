"""The three tables of a trace store, and the summary row of a trace."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from agentmm.trace.schema import Trace

METADATA = sa.MetaData()

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("trace_id", sa.String(64), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
TRACES = sa.Table(
    "traces",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("parent", sa.String(64)),
    sa.Column("created", sa.Float, nullable=False, index=True),
    sa.Column("graph", sa.Text),
    sa.Column("planner", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("question", sa.Text),
    sa.Column("status", sa.String(24)),
    sa.Column("answer", sa.Text),
    sa.Column("steps", sa.Integer),
    sa.Column("calls", sa.Integer),
    sa.Column("hash", sa.String(64), index=True),
    sa.Column("chain", sa.Text),
    sa.Column("events", sa.Integer),
)
LABELS = sa.Table(
    "labels",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("trace_id", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


def summary_of(trace: Trace, events: int) -> dict[str, Any]:
    """The row of `traces` for a trace of so many events; hash and chain seal what they told.

    PostgreSQL keeps no NUL in a text; in the row it becomes U+FFFD, the events (JSON) have it as it was.
    """
    row = {
        "id": trace.id,
        "parent": trace.parent,
        "created": trace.created,
        "graph": trace.graph,
        "planner": trace.planner.name,
        "source": trace.source,
        "question": trace.question,
        "status": trace.status,
        "answer": trace.answer,
        "steps": len(trace.steps),
        "calls": len(trace.calls),
        "hash": trace.hash,
        "chain": ",".join(trace.chain),
        "events": events,
    }
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}
