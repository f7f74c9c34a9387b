"""From a tool's media objects to what the planner reads: each is stored, numbered, and replaced by its handle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentmm.errors import ToolError
from agentmm.media import Handles, MediaStore, Record, Region
from agentmm.tool.result import MEDIA_CLASSES, as_dict, plain, rounded, stable_json

MAX_OBSERVATION_CHARS = 200_000
"""Longest observation; beyond it a planner could read nothing else."""


@dataclass(frozen=True)
class Recorded:
    """A result after its media got handles.

    Attributes:
        value: JSON types; media are their handles, regions `handle text`.
        text: the observation: `value` as stable JSON.
        made: new handles and their records, in order.
    """

    value: dict[str, Any]
    text: str
    made: dict[str, Record] = field(default_factory=dict)

    @property
    def seen(self) -> list[str]:
        """Handles of the new pictures and clips, which the planner sees on its next step."""
        return [handle for handle, record in self.made.items() if record["kind"] in ("image", "audio", "video")]


def record_result(value: Any, handles: Handles, store: MediaStore, of: Iterable[str] | str | None = None) -> Recorded:
    """Store and number everything in a result, in the order it stands there.

    Args:
        value: a result: JSON types with media objects anywhere inside (`ToolResult.value`).
        handles: the run's handles; gains the new ones.
        store: where pixels and samples go.
        of: handle or handles of the media that the tool was given; regions lie in the first that fits.

    Returns:
        What the planner reads and what was made.

    Raises:
        ToolError: the result is no JSON, or too long to read.
        MediaError: the store cannot be written.
    """
    walk = _Walk(handles, store, (of,) if isinstance(of, str) else tuple(of or ()))
    readable = rounded(walk.read(as_dict(plain(value))))
    text = stable_json(readable)
    if len(text) > MAX_OBSERVATION_CHARS:
        expected = f"at most {MAX_OBSERVATION_CHARS}"
        raise ToolError("a result is too long to read", got=f"{len(text)} characters", expected=expected)
    return Recorded(readable, text, walk.made)


def error_observation(error: Exception) -> str:
    """What the planner reads of a failed call: `{"error": "one line"}`."""
    return stable_json({"error": " ".join(str(error).split())})


@dataclass
class _Walk:
    """One pass over a result."""

    handles: Handles
    store: MediaStore
    given: tuple[str, ...]
    made: dict[str, Record] = field(default_factory=dict)

    def read(self, value: Any) -> Any:
        """The value with handles for media."""
        if isinstance(value, dict):
            return {key: self.read(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.read(item) for item in value]
        return self._keep(value) if isinstance(value, MEDIA_CLASSES) else value

    def _keep(self, media: Any) -> str:
        handle, record = self.handles.keep(media, self.store, self.given)
        self.made[handle] = record
        words = " ".join(media.text.split()) if isinstance(media, Region) else ""
        return f"{handle} {words}".strip()
