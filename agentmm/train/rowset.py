"""Token rows on disk: ids, loss weights and images of many episodes in a few arrays; numpy only.

Images are kept once, as uint8 squares in a memory-mapped file beside the arrays. Sets that several processes have made
are joined without copying a square.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import TrainError

_OPENING, _FEW = 32, 8
"""Rows begin alike when so many first ids are equal; fewer than so many rows are no group of their own."""


@dataclass(frozen=True)
class Row:
    """One episode.

    Attributes:
        ids: token ids, [T].
        mask: 1 where the token is learnt, [T].
        images: for each run of placeholders, in reading order, the image's number in the row set's pixels.
    """

    ids: Sequence[int]
    mask: Sequence[int]
    images: Sequence[int] = ()


class Squares:
    """Several arrays of squares, uint8 [M, S, S, 3], behind one numbering; nothing is copied until some are taken."""

    def __init__(self, arrays: Sequence[NDArray[np.uint8]]) -> None:
        self.arrays = [array for array in arrays if len(array)]
        self._ends = np.cumsum([0, *(len(array) for array in self.arrays)])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, numbers: Any) -> NDArray[np.uint8]:
        """[len(numbers), S, S, 3]."""
        numbers = np.asarray(numbers, np.int64)
        which = np.searchsorted(self._ends, numbers, side="right") - 1
        return np.stack([self.arrays[a][n - self._ends[a]] for a, n in zip(which, numbers, strict=True)])


@dataclass(frozen=True)
class RowSet:
    """Many rows, flat.

    Attributes:
        ids: [sum T] of all rows, one after another.
        mask: [sum T], 0 or 1.
        ends: [R] where each row ends in `ids`.
        images: [sum images] numbers into `pixels`.
        image_ends: [R] where each row's images end in `images`.
        pixels: uint8 [M, S, S, 3], or several of these as one.
    """

    ids: NDArray[np.int32]
    mask: NDArray[np.uint8]
    ends: NDArray[np.int64]
    images: NDArray[np.int64]
    image_ends: NDArray[np.int64]
    pixels: NDArray[np.uint8] | Squares

    @classmethod
    def of(cls, rows: Iterable[Row], pixels: NDArray[np.uint8] | Squares | None = None, size: int = 128) -> RowSet:
        """Join rows.

        Raises:
            TrainError: there is no row, or a row's mask or image numbers do not fit.
        """
        kept = list(rows)
        pixels = np.zeros((0, size, size, 3), np.uint8) if pixels is None else pixels
        for row in kept:
            if len(row.ids) != len(row.mask) or any(not 0 <= i < len(pixels) for i in row.images):
                raise TrainError("a training row does not fit its mask or its images", got=row)
        if not kept:
            raise TrainError("there is nothing to train on", expected="one row at least", mend="agentmm traces collect")
        return cls(
            ids=np.concatenate([np.asarray(row.ids, np.int32) for row in kept]),
            mask=np.concatenate([np.asarray(row.mask, np.uint8) for row in kept]),
            ends=np.cumsum([len(row.ids) for row in kept]).astype(np.int64),
            images=np.asarray([i for row in kept for i in row.images], np.int64),
            image_ends=np.cumsum([len(row.images) for row in kept]).astype(np.int64),
            pixels=pixels,
        )

    @classmethod
    def joined(cls, sets: Sequence[RowSet]) -> RowSet:
        """The rows of several sets, one set after another."""
        moved = np.cumsum([0, *(len(one.pixels) for one in sets)])
        return cls(
            ids=np.concatenate([one.ids for one in sets]),
            mask=np.concatenate([one.mask for one in sets]),
            ends=_on_end([one.ends for one in sets]),
            images=np.concatenate([one.images + first for one, first in zip(sets, moved, strict=False)]),
            image_ends=_on_end([one.image_ends for one in sets]),
            pixels=Squares([array for one in sets for array in one._squares]),
        )

    @property
    def _squares(self) -> Sequence[NDArray[np.uint8]]:
        return self.pixels.arrays if isinstance(self.pixels, Squares) else [self.pixels]

    def save(self, folder: Path) -> None:
        """Write the rows and their squares to a folder that `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "squares.npy", np.concatenate(self._squares or [np.zeros((0, 1, 1, 3), np.uint8)]))
        np.savez(folder / "rows.npz", **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, folder: Path) -> RowSet:
        """Read what `save` wrote; the squares stay on disk until they are taken."""
        with np.load(folder / "rows.npz", allow_pickle=False) as arrays:
            rows = {name: arrays[name] for name in _ARRAYS}
        empty = (folder / "squares.npy").stat().st_size < _EMPTY_BYTES
        return cls(**rows, pixels=np.load(folder / "squares.npy", mmap_mode=None if empty else "r"))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[Row]:
        return (self.row(index) for index in range(len(self)))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[R] tokens of each row."""
        return np.diff(self.ends, prepend=0)

    @property
    def digest(self) -> str:
        """SHA-256 of ids, masks, bounds and image numbers."""
        hasher = hashlib.sha256()
        for part in (self.ids, self.mask, self.ends, self.images, self.image_ends):
            hasher.update(np.ascontiguousarray(part).tobytes())
        return hasher.hexdigest()

    def row(self, index: int) -> Row:
        """One row."""
        start, image_start = (self.ends[index - 1], self.image_ends[index - 1]) if index else (0, 0)
        part = slice(start, self.ends[index])
        return Row(self.ids[part], self.mask[part], self.images[image_start : self.image_ends[index]])  # type: ignore[arg-type]

    def split(self, held_out: int) -> tuple[RowSet, RowSet]:
        """(rest, last `held_out` rows); both share the pixels."""
        cut = max(1, len(self) - held_out)
        rows = list(self)
        return RowSet.of(rows[:cut], self.pixels), RowSet.of(rows[cut:] or rows[-1:], self.pixels)


_ARRAYS = ("ids", "mask", "ends", "images", "image_ends")
_EMPTY_BYTES = 200
"""A file without squares is a header; it cannot be memory-mapped."""


def _on_end(ends: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Ends of several runs, each counted on from the one before."""
    before = np.cumsum([0, *(int(one[-1]) if len(one) else 0 for one in ends)])
    return np.concatenate([one + first for one, first in zip(ends, before, strict=False)])


def batches(rows: RowSet, tokens: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each batch of one epoch: rows that begin alike and are of like length.

    What a batch's rows begin with alike (the tools' signatures) is computed once and counts once; with padding and all
    else a batch has at most `tokens`. The order is a function of the arguments alone, so a resumed training continues
    in the same epoch.
    """
    rng = np.random.default_rng([seed, epoch])
    lengths = rows.lengths
    order = rng.permutation(len(rows))
    chunk = max(1, int(128 * tokens / max(1.0, float(lengths.mean()))))
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        groups = [group for alike in _alike(rows, part) for group in _cut(rows, _by_length(alike, lengths), tokens)]
        for index in rng.permutation(len(groups)):
            yield groups[index]


def _alike(rows: RowSet, part: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows by how they begin; those whose beginning few others share are one group."""
    places, lengths = np.arange(_OPENING), rows.lengths[part][:, None]
    ids = rows.ids[np.minimum(rows.ends[part][:, None] - lengths + places, len(rows.ids) - 1)]
    openings = np.where(places < lengths, ids, -1).astype(np.int32)
    whole = np.ascontiguousarray(openings).view(f"V{openings.itemsize * _OPENING}")[:, 0]
    _, which, counts = np.unique(whole, return_inverse=True, return_counts=True)
    group = np.where(counts[which] < _FEW, -1, which)
    return [part[group == number] for number in np.unique(group)]


def _by_length(part: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return part[np.argsort(lengths[part], kind="stable")]


def _cut(rows: RowSet, part: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Cut rows sorted by length into batches of at most `tokens` tokens (one row at least)."""
    shared = common_prefix([rows.row(int(index)) for index in part])
    lengths, start = rows.lengths[part] - shared, 0
    for end in range(1, len(part) + 1):
        if end == len(part) or shared + (end + 1 - start) * int(lengths[end]) > tokens:
            yield part[start:end]
            start = end


def common_prefix(picked: Sequence[Row], image_token: int | None = None) -> int:
    """Length of what all rows begin with, up to the first image or learnt token; 0 for a single row."""
    if len(picked) < 2:
        return 0
    limit = min(len(row.ids) for row in picked) - 1
    first = np.asarray(picked[0].ids[:limit])
    stop = (first == image_token) | (np.asarray(picked[0].mask[:limit]) > 0)
    for row in picked[1:]:
        stop |= np.asarray(row.ids[:limit]) != first
    return int(stop.argmax()) if stop.any() else limit


class PixelFile:
    """A growing memory-mapped file of uint8 squares, each under a key (an image's SHA-256), written once.

    Args:
        path: the file; its keys lie beside it in `PATH.keys`, one a line.
        size: side of the squares in px.
    """

    def __init__(self, path: Path, size: int = 128) -> None:
        self.path, self.size = path, size
        self._keys_path = path.with_name(path.name + ".keys")
        keys = self._keys_path.read_text().split() if self._keys_path.exists() else []
        whole = path.stat().st_size // (size * size * 3) if path.exists() else 0
        self.keys = {key: index for index, key in enumerate(keys[:whole])}
        if path.exists():
            os.truncate(path, len(self.keys) * size * size * 3)
        self._keys_path.write_text("".join(f"{key}\n" for key in self.keys))

    def __contains__(self, key: str) -> bool:
        return key in self.keys

    def add(self, key: str, pixels: NDArray[np.uint8]) -> int:
        """Append a square [S, S, 3] under a key; give its number (the old one where the key is known)."""
        if key not in self.keys:
            with self.path.open("ab") as file:
                file.write(np.ascontiguousarray(pixels, np.uint8).tobytes())
            with self._keys_path.open("a") as file:
                file.write(f"{key}\n")
            self.keys[key] = len(self.keys)
        return self.keys[key]

    def array(self) -> NDArray[np.uint8]:
        """All squares, [M, S, S, 3], read-only."""
        if not self.keys:
            return np.zeros((0, self.size, self.size, 3), np.uint8)
        return np.memmap(self.path, np.uint8, "r", shape=(len(self.keys), self.size, self.size, 3))
