"""Results as JSON before their media have handles: pixels go to the store, a journal line keeps the rest."""

from __future__ import annotations

from typing import Any

from agentmm.media import Audio, Image, Mask, MediaStore, Origin, Region, Step, Video

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
        return {_MARK: _region(value, store)}
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
    if set(value) == {_MARK}:
        record = value[_MARK]
        return _thawed(record, store) if record.get("kind") == "region" else store.get(record)
    return {key: thaw(item, store) for key, item in value.items()}


def _region(region: Region, store: MediaStore) -> dict[str, Any]:
    origin = region.origin
    return {
        "kind": "region",
        "form": region.kind,
        "box": region.box,
        "span": region.span,
        "mask": None if region.mask is None else store.add(region.mask),
        "label": region.label,
        "text": region.text,
        "score": region.score,
        "attributes": region.attributes,
        "origin": None
        if origin is None
        else {"source": origin.source, "chain": [step.to_json() for step in origin.chain]},
    }


def _thawed(record: dict[str, Any], store: MediaStore) -> Region:
    origin, mask = record["origin"], record["mask"]
    found = None if mask is None else store.get(mask)
    return Region(
        kind=record["form"],
        box=None if record["box"] is None else tuple(record["box"]),
        span=None if record["span"] is None else tuple(record["span"]),
        mask=found if isinstance(found, Mask) else None,
        label=record["label"],
        text=record["text"],
        score=record["score"],
        attributes=record["attributes"],
        origin=None
        if origin is None
        else Origin(origin["source"], tuple(Step.from_json(step) for step in origin["chain"])),
    )
