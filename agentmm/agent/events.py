"""What a stream of a run tells, typed, in the order it happens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from agentmm.agent.answer import Answer


class Planned(BaseModel):
    """The planner has spoken: what it thought first, then its calls or the text of its answer."""

    kind: Literal["planned"] = "planned"
    step: int
    thought: str = ""
    text: str = ""
    calls: list[dict[str, Any]] = Field(default_factory=list)


class Called(BaseModel):
    """A call is about to be made."""

    kind: Literal["called"] = "called"
    step: int
    call: str
    tool: str
    arguments: dict[str, Any]


class Result(BaseModel):
    """A call came back: the JSON that the planner reads, and the handles of what it made."""

    kind: Literal["result"] = "result"
    step: int
    call: str
    tool: str
    arguments: dict[str, Any]
    observation: str
    media: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None


class Answered(BaseModel):
    """The last event: the answer."""

    kind: Literal["answer"] = "answer"
    answer: Answer


Event = Planned | Called | Result | Answered
"""Every event has a `kind`: `planned`, `called`, `result` or `answer`."""
