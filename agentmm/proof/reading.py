"""What a planner makes of a recorded trace now: its tokens, what they say, their log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentmm.media import MediaStore
from agentmm.planner.render import Renderer, parse_completion
from agentmm.trace import StepRecord, Trace, to_messages
from agentmm.trace.messages import assistant_message


@dataclass(frozen=True)
class Stream:
    """A trace as one row of tokens.

    Attributes:
        ids: the whole conversation as the renderer makes it now.
        loss_mask: 1 where an assistant wrote the token, as long as `ids`.
        media: hashes of the media that are shown, in reading order.
        recorded: prompt and completion ids as recorded, one after the other.
        spans: per step, start and end of its completion in `recorded`.
    """

    ids: list[int]
    loss_mask: list[int]
    media: list[str]
    recorded: list[int]
    spans: list[tuple[int, int]]


Said = tuple[list[tuple[str, dict[str, Any]]], list[str]]
"""Calls of a completion as (tool, arguments), and what could not be read."""


class Reading(Protocol):
    """A planner's way with recorded traces."""

    stream: Stream

    def text(self, ids: Sequence[int]) -> str:
        """Ids as text, special tokens shown."""
        ...

    def said(self, ids: Sequence[int]) -> Said:
        """What the ids of a completion say."""
        ...

    def logps(self, *, blank: bool = False) -> list[list[float]]:
        """Log-probabilities of each step's completion tokens by a plain forward pass, nats.

        Args:
            blank: grey pictures, and silence, in place of the real ones.
        """
        ...

    @property
    def coarse(self) -> str:
        """Why log-probabilities cannot be compared; empty where they can."""
        ...


class OwnReading:
    """A model of ours.

    Args:
        planner: a `ChatMM`.
        trace: its steps all have ids.
        store: the trace's media.
    """

    def __init__(self, planner: Any, trace: Trace, store: MediaStore) -> None:
        self.planner, self.store = planner, store
        renderer: Renderer = planner.renderer
        self.rendered = renderer.render(conversation(trace), [tool.signature for tool in trace.tools], trace.media)
        recorded, spans = laid_out(trace, renderer.token_id("<|end|>"))
        shown = [slot.sha for slot in self.rendered.media if slot.kind == "image"]
        self.stream = Stream(self.rendered.ids, self.rendered.loss_mask, shown, recorded, spans)

    @property
    def coarse(self) -> str:
        """Why log-probabilities cannot be compared; empty where they can."""
        return coarse(self.planner.model)

    def text(self, ids: Sequence[int]) -> str:
        """Ids as text, special tokens shown."""
        return self.planner.renderer.decode(list(ids))

    def said(self, ids: Sequence[int]) -> Said:
        """What the ids of a completion say."""
        parsed = parse_completion(self.text(ids))
        return [(call.tool, call.arguments) for call in parsed.calls], parsed.malformed

    def logps(self, *, blank: bool = False) -> list[list[float]]:
        """Log-probabilities of each step's completion tokens."""
        from agentmm.proof.forward import completion_logps

        return completion_logps(self.stream, self.store, self.planner, blank=blank)


def coarse(model: Any) -> str:
    """Why a model's log-probabilities cannot be compared with recorded ones: its precision; empty where they can."""
    kind = str(model.dtype).removeprefix("torch.")
    return "" if kind in ("float32", "float64") else f"the model runs in {kind}; they are compared in float32"


def conversation(trace: Trace) -> list[dict[str, Any]]:
    """The messages of a trace up to what its last step said."""
    last = trace.steps[-1]
    return [*to_messages(trace, last.index), assistant_message(last.plan)]


def laid_out(trace: Trace, end: int | None) -> tuple[list[int], list[tuple[int, int]]]:
    """The recorded ids in a row, and where in it each step's completion stands.

    Args:
        trace: its steps all have ids.
        end: closes a completion that ran into its limit; None where the next prompt's ids do that.
    """
    recorded: list[int] = []
    spans: list[tuple[int, int]] = []
    for step in trace.steps:
        recorded += step.plan.prompt_ids or []
        wrote = _wrote(step)
        spans.append((len(recorded), len(recorded) + len(wrote)))
        recorded += wrote if end is None or wrote[-1:] == [end] else [*wrote, end]
    return recorded, spans


def _wrote(step: StepRecord) -> list[int]:
    return list(step.plan.completion_ids or [])
