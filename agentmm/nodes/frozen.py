"""Results as JSON before their media have handles: pixels go to the store, a journal line keeps the rest."""

from __future__ import annotations

from typing import Any

from agentmm.media import Audio, Image, Mask, MediaStore, Region, Video

_MARK = "$medium"


def freeze(value: Any, store: MediaStore) -> Any:
    """JSON of a plain result; its media are stored and stand as records.

    Raises:
        MediaError: the store cannot be written.
    """
    if isinstance(value, dict):
        return {key: freeze(item, store) for key, item in value.items()}
    if isinstance(value, list):
        return [freeze(item, store) for item in value]
    if isinstance(value, Region):
        mask = None if value.mask is None else store.add(value.mask)
        return {_MARK: {"kind": "region", "region": value.to_json(), "mask": mask}}
    return {_MARK: store.add(value)} if isinstance(value, Image | Audio | Video | Mask) else value


def thaw(value: Any, store: MediaStore) -> Any:
    """The result that `freeze` wrote.

    Raises:
        MediaError: the store does not have a medium.
    """
    if isinstance(value, list):
        return [thaw(item, store) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_MARK}:
        return {key: thaw(item, store) for key, item in value.items()}
    record = value[_MARK]
    if record.get("kind") != "region":
        return store.get(record)
    mask = None if record["mask"] is None else store.get(record["mask"])
    return Region.from_json(record["region"], mask if isinstance(mask, Mask) else None)
