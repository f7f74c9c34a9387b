"""Reducer of media records: a handle, once given, means one medium for ever."""

from __future__ import annotations

from collections.abc import Mapping

from agentmm.errors import MediaError
from agentmm.media import Record


def merge_media(current: Mapping[str, Record] | None, update: Mapping[str, Record] | None) -> dict[str, Record]:
    """Records of both, in the order they came.

    Raises:
        MediaError: two branches of a graph gave one handle to two media.
    """
    merged = dict(current or {})
    for handle, record in (update or {}).items():
        if handle in merged and merged[handle] != record:
            raise MediaError(
                "one handle stands for two media",
                got=handle,
                expected="one act node at a time",
                mend="join the branches before act",
            )
        merged[handle] = record
    return merged
