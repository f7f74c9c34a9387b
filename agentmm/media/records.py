"""Records: what state, traces and messages hold of a medium. Plain JSON, no pixels, no paths."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from agentmm.errors import MediaError
from agentmm.media.audio import Audio
from agentmm.media.geometry import Origin, Step
from agentmm.media.recent import Stored
from agentmm.media.video import Video

Record = dict[str, Any]


def record_of(media: Stored) -> Record:
    """The record of a medium: kind, hash, size, and the chain to its source (`root`: the source's hash).

    `of` (the source's handle) is left None; `Handles.keep` fills it in.
    """
    if isinstance(media, Video):
        facts = {"width": media.width, "height": media.height, "fps": media.fps, "frames": media.frames}
        return {"kind": "video", "sha": media.sha, **facts, "seconds": media.seconds}
    record: Record = {"kind": media.kind, "sha": media.sha}
    if isinstance(media, Audio):
        record |= {"seconds": media.seconds, "rate_hz": media.rate_hz}
    else:
        record |= {"width": media.width, "height": media.height}
    record |= {"of": None, "chain": []}
    if media.origin is not None and (media.origin.chain or media.origin.source != media.sha):
        record |= {"root": media.origin.source, "chain": [step.to_json() for step in media.origin.chain]}
    return record


def origin_of(record: Mapping[str, Any]) -> Origin:
    """The origin a record tells of.

    Raises:
        MediaError: the record has no hash or a malformed chain.
    """
    sha = record.get("root") or record.get("sha")
    if not isinstance(sha, str):
        raise MediaError("a media record has no hash", got=record, expected="a record with the key sha")
    return Origin(sha, tuple(Step.from_json(step) for step in record.get("chain") or ()))


def placed(media: Stored, origin: Origin) -> Stored:
    """The same medium with another origin."""
    if isinstance(media, Video) or media.origin == origin:
        return media
    twin = copy(media)
    object.__setattr__(twin, "origin", origin)  # a copy keeps the hash that is known already
    return twin
