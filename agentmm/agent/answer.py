"""What a question comes to."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from agentmm.world.score import CITATION

Status = Literal["answered", "partial", "unanswerable", "needs_approval", "failed"]


class CitedRegion(BaseModel):
    """A region that the answer cites.

    Attributes:
        handle: its name in the answer, `region_2`.
        source: handle of the picture or clip that entered.
        box: (x0, y0, x1, y1) floats in pixels of the source; None for a time span.
        span: (start, end) seconds of the source; None for a box.
        label: what was found.
        text: what the planner read of it.
        score: confidence 0..1, None where the tool has none.
    """

    handle: str
    source: str | None = None
    box: tuple[float, float, float, float] | None = None
    span: tuple[float, float] | None = None
    label: str = ""
    text: str = ""
    score: float | None = None


class Answer(BaseModel):
    """An answer, or the honest state of a run that has none.

    Attributes:
        text: what the planner answered; citations stand as `[region_2]`.
        status: `answered`; `partial` (ended by a budget or the limit of tokens); `unanswerable`; `needs_approval`;
            `failed`.
        reason: why it ended, for `partial` and `failed`.
        regions: the cited regions, in source pixels or seconds.
        media: records of every picture, clip and video of the run, by handle; `Agent.store.get(record)` opens one.
        steps: an entry a call: `step` (from 1), `call`, `tool`, `arguments`, `observation`, `media`, `seconds`,
            `error`.
        pending: calls that wait for a person: `id`, `tool`, `arguments`.
        counters: steps, calls, errors, tokens, and what the planner counts.
        trace_id: the run's trace; `Agent.resume` and `agentmm traces show` take it.
        seconds: wall time of this question in this process.
    """

    text: str = ""
    status: Status = "answered"
    reason: str | None = None
    regions: list[CitedRegion] = Field(default_factory=list)
    media: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[dict[str, Any]] = Field(default_factory=list)
    pending: list[dict[str, Any]] = Field(default_factory=list)
    counters: dict[str, float] = Field(default_factory=dict)
    trace_id: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return self.text

    @property
    def plain(self) -> str:
        """The text without citations: `[region_8] 98.89` is `98.89`."""
        return CITATION.sub("", self.text).strip()

    def as_json(self) -> dict[str, Any]:
        """The object that `agentmm ask --json` prints."""
        fields = self.model_dump(mode="json", exclude={"text", "media"})
        return {"answer": self.text, "plain": self.plain, **fields}
