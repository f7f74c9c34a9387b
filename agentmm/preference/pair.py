"""What a preference pair is: it points at trace steps and copies nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Side(BaseModel):
    """A continuation: everything in a trace from a step on.

    Attributes:
        trace: id of the trace.
        step: index of the first step that belongs to the continuation.
    """

    model_config = ConfigDict(frozen=True)

    trace: str
    step: int


class PreferencePair(BaseModel):
    """Two continuations of one prefix, the better one first.

    Attributes:
        id: made of the two sides; equal pairs have equal ids.
        question: what was asked.
        group: what the pair was made of, such as the id of a world question.
        chosen: the better continuation.
        rejected: the other; its step is the same.
        reason: why it is worse: `outcome`.
        margin: by how much, 0..1.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    group: str
    chosen: Side
    rejected: Side
    reason: str = "outcome"
    margin: float = 1.0
