"""What a worker sends back: JSON, and the files of media; a trace goes whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from agentmm.agent.many import told_of
from agentmm.errors import TraceError
from agentmm.media import MediaStore
from agentmm.trace import TraceStore

Part = str | bytes


class SentTrace(BaseModel):
    """A recorded run.

    Attributes:
        events: kind, payload, seconds since 1970.
        labels: name to value.
    """

    id: str
    events: list[tuple[str, dict[str, Any], float]]
    labels: dict[str, Any]


class _Head(BaseModel):
    """The first part of a parcel; the others are the files, in this order."""

    told: dict[str, Any]
    trace: SentTrace | None = None
    files: list[str]


@dataclass(frozen=True)
class Parcel:
    """What one question came to.

    Attributes:
        told: JSON: what the worker says.
        trace: the run; None where none began.
        files: media by the names that `MediaStore.file_of` gives them.
    """

    told: Mapping[str, Any]
    trace: SentTrace | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(
        cls, told: Mapping[str, Any], trace_id: str, traces: TraceStore, media: MediaStore, known: Collection[str] = ()
    ) -> Parcel:
        """Pack a run.

        Args:
            told: what there is to say beside its trace.
            trace_id: the run's; its trace may be missing.
            traces: where the trace lies.
            media: where its media lie.
            known: hashes of media that the receiver has.
        """
        if not traces.has(trace_id):
            return cls(told)
        trace = traces.get(trace_id)
        events = [(event["kind"], event["payload"], event["at"]) for event in traces.events(trace_id)]
        hashes = {str(record.get("sha")) for record in trace.media.values()} - set(known)
        files = dict(media.file_of(sha) for sha in sorted(hashes) if sha in media)
        return cls(told, SentTrace(id=trace_id, events=events, labels=trace.labels), files)

    def parts(self) -> list[Part]:
        """The parcel as text and bytes."""
        head = _Head(told=dict(self.told), trace=self.trace, files=list(self.files))
        return [json.dumps(head.model_dump()), *self.files.values()]

    @classmethod
    def from_parts(cls, parts: Sequence[Part]) -> Parcel:
        """The parcel that `parts` gave.

        Raises:
            TraceError: they are none.
        """
        try:
            head = _Head.model_validate(json.loads(parts[0]))
            data = [part for part in parts[1:] if isinstance(part, bytes)]
            return cls(head.told, head.trace, dict(zip(head.files, data, strict=True)))
        except (ValidationError, ValueError, LookupError, TypeError) as error:
            raise TraceError("a worker sent what is no parcel", got=f"{type(error).__name__}: {error}") from error

    def unpack(self, traces: TraceStore, media: MediaStore) -> None:
        """Store the media, then the trace that names them: a kill between the two leaves no trace without its media.

        Raises:
            MediaError: a medium is not what its name says, or cannot be written.
            TraceError: the trace cannot be written, or is there already.
        """
        for name, data in self.files.items():
            media.receive(name, data)
        if self.trace is not None:
            traces.receive(self.trace.id, self.trace.events, self.trace.labels)


def refusal(error: BaseException) -> dict[str, Any]:
    """What was raised, as JSON: its line, and whether the command was wrong."""
    return {"error": told_of(error), "usage": getattr(error, "exit_code", 1) == 2}
