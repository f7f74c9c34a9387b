"""Handles: the names by which planner, state and traces speak of media (`image_1`, `region_3`)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentmm.errors import CallError, MediaError
from agentmm.media.audio import Audio
from agentmm.media.geometry import Box, Origin, Span
from agentmm.media.image import Image, Mask
from agentmm.media.recent import Stored
from agentmm.media.records import Record, origin_of
from agentmm.media.region import Region
from agentmm.media.store import MediaStore
from agentmm.media.video import Video

KINDS: tuple[str, ...] = ("image", "audio", "video", "region", "mask")
_PATTERN = re.compile(rf"({'|'.join(KINDS)})_([1-9][0-9]*)")


def is_handle(text: object) -> bool:
    """Whether the text has the form of a handle; it says nothing about existence."""
    return isinstance(text, str) and _PATTERN.fullmatch(text) is not None


class Handles:
    """The handles of one run over its records.

    Args:
        records: handle to record, as in the graph state; it is copied.
    """

    def __init__(self, records: Mapping[str, Record] | None = None) -> None:
        self.records: dict[str, Record] = dict(records or {})
        self._last = dict.fromkeys(KINDS, 0)
        for handle in self.records:
            if match := _PATTERN.fullmatch(handle):
                self._last[match[1]] = max(self._last[match[1]], int(match[2]))

    def mint(self, kind: str) -> str:
        """The next free handle of a kind (`image` or `Image`); the same one is never given twice.

        Raises:
            MediaError: the kind is unknown.
        """
        kind = kind.lower()
        if kind not in self._last:
            raise MediaError("no such kind of medium", got=kind, expected=", ".join(KINDS))
        self._last[kind] += 1
        return f"{kind}_{self._last[kind]}"

    def keep(self, media: Stored | Region, store: MediaStore, given: Iterable[str] = ()) -> tuple[str, Record]:
        """Store what a tool made, and give its new handle and record.

        Args:
            media: an image, clip, video, mask or region.
            store: where its pixels or samples go.
            given: handles of the media that the tool was given, the likeliest parents.

        Raises:
            MediaError: the store cannot be written.
        """
        record = self._region(media, store, tuple(given)) if isinstance(media, Region) else store.add(media)
        if "root" in record:
            record["of"] = self._handle_of(Origin(record["root"]), tuple(given))
        handle = self.mint(record["kind"])
        self.records[handle] = record
        return handle, record

    def take(self, medium: str | os.PathLike[str] | Stored, store: MediaStore) -> tuple[str, Record]:
        """Store what enters a run, a file's path or a medium, and give its new handle and record.

        Raises:
            MediaError: the file is unusable, or the store cannot be written.
        """
        if not isinstance(medium, str | os.PathLike):
            return self.keep(medium, store)
        record = store.add_file(medium)
        handle = self.mint(record["kind"])
        self.records[handle] = record
        return handle, record

    def of_kind(self, modality: str) -> list[str]:
        """Handles that may stand for a parameter of a modality: those of the kind itself, then regions that hold one.

        A box stands for a picture (its crop), a span for a clip (its slice), a mask region for a mask.
        """
        kind = modality.lower()
        own = [handle for handle, record in self.records.items() if record["kind"] == kind]
        others = [handle for handle, record in self.records.items() if kind in self._stands_for(record)]
        return sorted(own, key=_number) + sorted(others, key=_number)

    def record(self, handle: str) -> Record:
        """The record of a handle.

        Raises:
            CallError: no such handle; paths and URLs are none.
        """
        if handle not in self.records:
            known = ", ".join(self.records) or "none: this run has no media"
            raise CallError("no such medium", got=handle, expected=f"a handle, one of {known}")
        return self.records[handle]

    def resolve(self, handle: str, store: MediaStore, modality: str | None = None) -> Stored | Region:
        """The medium behind a handle.

        Args:
            handle: `image_1`, `region_2`, ...
            store: where the pixels and samples are.
            modality: what the parameter wants; a region becomes the crop for `Image` (`Audio`: the slice, `Mask`: its
                mask). None: a region stays a `Region`.

        Raises:
            CallError: no such handle, or it does not stand for the modality.
            MediaError: the store does not have it, or it is damaged.
        """
        record = self.record(handle)
        if modality is not None and handle not in self.of_kind(modality):
            choices = ", ".join(self.of_kind(modality)) or "no handle: this run has none of the kind"
            raise CallError(f"{handle} is no {modality}", expected=choices)
        if record["kind"] != "region":
            return store.get(record)
        region = self._resolved(record, store)
        if modality is None or modality.lower() == "region":
            return region
        if modality.lower() == "mask" and region.mask is not None:
            return region.mask
        return region.cut()

    def _stands_for(self, record: Mapping[str, Any]) -> set[str]:
        """The kinds that a region's record can stand for, by what it lies in."""
        parent = self.records.get(record.get("of") or "")
        if record["kind"] != "region" or parent is None:
            return set()
        boxed, timed = record.get("local_box") is not None, record.get("local_span") is not None
        held = {"image": boxed, "video": boxed and timed}.get(parent["kind"], False)
        kinds = {"image"} if held else {"audio"} if timed and parent["kind"] == "audio" else set()
        return kinds | ({"mask"} if record.get("mask") else set())

    def _resolved(self, record: Mapping[str, Any], store: MediaStore) -> Region:
        """The region of a record, with the medium it was found in; in a video that is the frame at its time."""
        parent = self.resolve(record["of"], store) if record.get("of") else None
        mask = store.get(record["mask"]) if record.get("mask") else None
        box, span = record.get("local_box"), record.get("local_span")
        if isinstance(parent, Video) and box and span:
            parent = parent.frame(span[0])
        return Region(
            kind="span" if box is None else "mask" if mask is not None else "box",
            box=None if box is None else tuple(box),
            span=None if span is None else tuple(span),
            mask=mask if isinstance(mask, Mask) else None,
            label=record.get("label", ""),
            text=record.get("text", ""),
            score=record.get("score"),
            attributes=dict(record.get("attributes") or {}),
            origin=parent.place if isinstance(parent, Image | Audio | Video) else None,
            image=parent if isinstance(parent, Image | Audio) else None,
        )

    def _region(self, region: Region, store: MediaStore, given: tuple[str, ...]) -> Record:
        """The record of a region: in the nearest medium that has a handle (`of`), and in the source."""
        region = self._with_origin(region, store, given)
        origin = region.place
        parent, inner = self._nearest(origin, given)
        source, local = region.in_source(), replace(region, origin=inner).in_source()
        record: Record = {"kind": "region", "of": parent, "source": self._handle_of(Origin(origin.source), given)}
        record |= {"box": _rounded(source.box), "local_box": _rounded(local.box)}
        if source.span is not None:
            record |= {"span": _rounded(source.span, 6), "local_span": _rounded(local.span, 6)}
        if local.mask is not None:
            record["mask"] = store.add(local.mask)["sha"]
        record |= {"label": region.label, "text": region.text, "score": region.score}
        return record | {"attributes": dict(region.attributes)}

    def _with_origin(self, region: Region, store: MediaStore, given: tuple[str, ...]) -> Region:
        """The region, found in the first medium given where the tool did not say."""
        if region.origin is not None:
            return region
        if not given:
            expected = "Region(..., origin=image.place)"
            raise MediaError("a region has no origin", got=region.text or region.label, expected=expected)
        media = self.resolve(given[0], store)
        return replace(region, origin=(media.cut() if isinstance(media, Region) else media).place)

    def _nearest(self, origin: Origin, given: tuple[str, ...]) -> tuple[str | None, Origin]:
        """The nearest medium with a handle on the way to the source, and the way to it."""
        for length in range(len(origin.chain) + 1):
            handle = self._handle_of(Origin(origin.source, origin.chain[length:]), given)
            if handle is not None:
                return handle, Origin(origin.source, origin.chain[:length])
        return None, Origin(origin.source)

    def _handle_of(self, origin: Origin, given: tuple[str, ...]) -> str | None:
        """The handle of the medium that lies at an origin; those given to the tool come first."""
        for handle in (*given, *self.records):
            record = self.records.get(handle)
            if record is not None and record["kind"] not in ("region", "mask") and origin_of(record) == origin:
                return handle
        return None


def _number(handle: str) -> int:
    """The number in a handle."""
    return int(handle.rpartition("_")[2])


def _rounded(values: Box | Span | None, digits: int = 3) -> list[float] | None:
    """Floats for a record: short, yet far finer than a pixel or a millisecond."""
    return None if values is None else [round(value, digits) for value in values]
