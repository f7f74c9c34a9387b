"""What a trace is: a run's steps as plain, persistable data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

Json = dict[str, Any]


class Record(BaseModel):
    """One part of a trace; keys of later versions are ignored, so old code reads new stores."""

    model_config = ConfigDict(extra="ignore")


class ToolRef(Record):
    """A tool as the planner was shown it.

    Attributes:
        signature: the line in the prompt, such as `detect(image:Image,what:Text)`; empty for foreign tools.
        described: the tool in OpenAI's form, where that is what the planner was shown; None elsewhere.
    """

    name: str
    version: str = ""
    signature: str = ""
    described: Json | None = None


class PlannerRef(Record):
    """Who planned.

    Attributes:
        weights: identity of the weights (and adapter), or None where the planner has none or hides them.
        closed: whether `<|end|>` closes a turn that ran into its limit, as our own renderer does; of other makers'
            models the next prompt's ids hold all that follows a turn.
    """

    name: str = ""
    weights: str | None = None
    closed: bool = True


class CallRecord(Record):
    """A tool call as planned."""

    id: str
    tool: str
    arguments: Json = Field(default_factory=dict)


class PlanRecord(Record):
    """What the planner read and wrote in one step.

    Attributes:
        prompt_ids: token ids new in this step's prompt: a suffix of everything before; None where not recorded.
        completion_ids: token ids the planner wrote; None where not recorded.
        logp: the model's own log-probabilities of `completion_ids` (temperature 1, no mask), nats.
        logp_sampled: the same after temperature and grammar mask.
        forced: 1 where one token alone was legal.
        media: hashes of the media whose placeholders stand in `prompt_ids`, in order; of those that a server was shown,
            where it told no ids.
        text: what the planner wrote outside its calls.
        counters: `prefill_tokens`, `cached_tokens`, `encoder_calls`, `decode_tokens`, `cut_off`, and `seconds`:
            `encode_seconds`, `prefill_seconds` and `decode_seconds` are parts of it. Of a server: `input_tokens`,
            `output_tokens`, `cut_off`, `seconds`, and `unstable`: 1 where the prompt did not begin with the tokens of
            the step before, so that what is new in it is not known.
    """

    prompt_ids: list[int] | None = None
    completion_ids: list[int] | None = None
    logp: list[float] | None = None
    logp_sampled: list[float] | None = None
    forced: list[int] | None = None
    media: list[str] = Field(default_factory=list)
    text: str = ""
    calls: list[CallRecord] = Field(default_factory=list)
    counters: dict[str, float] = Field(default_factory=dict)

    @property
    def has_ids(self) -> bool:
        """Whether the step was recorded token by token."""
        return bool(self.completion_ids) and self.prompt_ids is not None

    @computed_field
    @property
    def ids(self) -> Literal["all", "completion", "none"]:
        """Which token ids are known: the prompt's too, those that the planner wrote alone, or none."""
        return "all" if self.has_ids else "completion" if self.completion_ids else "none"


class ResultRecord(Record):
    """What one call returned.

    Attributes:
        call: id of the planned call.
        observation: the text the planner reads.
        media: handles of what the tool made.
        error: one line, or None where the tool succeeded.
    """

    call: str
    tool: str
    arguments: Json = Field(default_factory=dict)
    observation: str = ""
    media: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None


class StepRecord(Record):
    """One plan and what its calls returned, in the order of the calls."""

    index: int
    plan: PlanRecord = Field(default_factory=PlanRecord)
    results: list[ResultRecord] = Field(default_factory=list)


class Trace(Record):
    """A run.

    Attributes:
        parent: the trace this one was forked from.
        source: why it was made: `gold`, `sampled`, `fork`; None for a user's own run.
        media: handle to record, everything that entered or was made; pixels lie in the media store.
        examples: messages of the demonstrations that stood before the question.
        answer: the final text; None while the run goes on.
        detail: the whole answer object, where the graph gave one.
        status: `answered`, `partial`, `unanswerable`, `needs_approval`, `failed`; None for a run that was cut off.
        counters: sums over the steps.
        labels: what was said about the trace afterwards, by name (never part of the hash).
        hash: over everything that was asked, planned, called, observed and answered, as it was when written.
        chain: the same for each part (see `chain_of`).
        created: seconds since 1970.
    """

    id: str
    parent: str | None = None
    source: str | None = None
    graph: str = ""
    tools: list[ToolRef] = Field(default_factory=list)
    planner: PlannerRef = Field(default_factory=PlannerRef)
    settings: Json = Field(default_factory=dict)
    seed: int | None = None
    question: str = ""
    media: dict[str, Json] = Field(default_factory=dict)
    examples: list[Json] = Field(default_factory=list)
    steps: list[StepRecord] = Field(default_factory=list)
    answer: str | None = None
    detail: Json | None = None
    status: str | None = None
    error: str | None = None
    counters: dict[str, float] = Field(default_factory=dict)
    labels: Json = Field(default_factory=dict)
    hash: str = ""
    chain: list[str] = Field(default_factory=list)
    created: float = 0.0

    @property
    def calls(self) -> list[ResultRecord]:
        """Every executed call, in order."""
        return [result for step in self.steps for result in step.results]

    def sha_of(self, handle: str) -> str:
        """The hash behind a handle; the handle itself where the trace does not know it."""
        return str(self.media.get(handle, {}).get("sha", handle))
