"""Recorded traces of other makers' models, read again: their own template, their own uncached forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentmm.errors import TraceError
from agentmm.media import MediaStore
from agentmm.proof.reading import Said, Stream, coarse, conversation, laid_out
from agentmm.trace import Trace


class ForeignReading:
    """A model of another maker.

    Args:
        planner: a `ForeignChat`.
        trace: its steps all have ids.
        store: the trace's media.

    Raises:
        TraceError: the trace does not say how its tools were described to the planner.
    """

    def __init__(self, planner: Any, trace: Trace, store: MediaStore) -> None:
        lost = [tool.name for tool in trace.tools if tool.described is None]
        if lost:
            raise TraceError("the trace does not say how its tools were described", got=", ".join(lost))
        self.planner, self.store = planner, store
        self.specs = [{"name": tool.name, "schema": tool.described} for tool in trace.tools]
        self.told = planner.telling.render(conversation(trace), self.specs, trace.media, self._load)
        recorded, spans = laid_out(trace, None)
        shown = [placed.sha for placed in self.told.images]
        self.stream = Stream(self.told.ids, self.told.loss_mask, shown, recorded, spans)

    @property
    def coarse(self) -> str:
        """Why log-probabilities cannot be compared; empty where they can."""
        return coarse(self.planner.model)

    def text(self, ids: Sequence[int]) -> str:
        """Ids as text, special tokens shown."""
        return self.planner.processor.tokenizer.decode(list(ids), skip_special_tokens=False)

    def said(self, ids: Sequence[int]) -> Said:
        """What the ids of a completion say."""
        read = self.planner.read(list(ids), self.specs)
        return read.calls, read.malformed

    def logps(self, *, blank: bool = False) -> list[list[float]]:
        """Log-probabilities of each step's completion tokens, by the library's own pass without a cache."""
        import torch

        told = type(self.told)(list(self.stream.recorded), self.told.images)
        places = [place - 1 for start, end in self.stream.spans for place in range(start, end)]
        with torch.inference_mode():
            rows = self.planner.engine.uncached(told, lambda sha: self._load(sha, blank), places).log_softmax(-1)
            wrote = torch.tensor([told.ids[place + 1] for place in places], device=rows.device)
            found = iter(rows.gather(1, wrote[:, None])[:, 0].tolist())
        return [[next(found) for _ in range(start, end)] for start, end in self.stream.spans]

    def _load(self, sha: str, blank: bool = False) -> Any:
        return self.planner.pictures.shown(self.store.get(sha), blank=blank)
