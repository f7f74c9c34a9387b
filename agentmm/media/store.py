"""The content-addressed store: every medium once, under its hash, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image as PILImage

from agentmm.errors import MediaError
from agentmm.media.audio import Audio
from agentmm.media.geometry import Origin
from agentmm.media.home import default_home
from agentmm.media.image import Image, Mask
from agentmm.media.image_file import decode_image
from agentmm.media.limits import LIMITS, Limits
from agentmm.media.opening import check_file, file_sha, open_as
from agentmm.media.recent import Recent, Stored
from agentmm.media.records import Record, origin_of, placed, record_of
from agentmm.media.sniff import HEAD_BYTES, sniff_format
from agentmm.media.video import Video
from agentmm.media.wav import decode_wav, encode_wav

_CHUNK = 1 << 20
_STALE_S = 3600.0  # no draft of a living process is older: writing takes seconds
_HEX = frozenset("0123456789abcdef")
_KEPT = re.compile(r"(files|made)/([0-9a-f]{64})((?:\.[a-z0-9]{1,8}){1,2})")


class MediaStore:
    """Media on disk by hash.

    Files that entered lie as given under `files/`, media that tools made lie losslessly under `made/`. A file appears
    under its final name only when it is whole and on disk, so any number of processes may share a store and any of
    them may die at any moment.

    Args:
        root: the folder; `default_home()/media` where None. It is made on first writing.
        limits: bounds for what enters.
        memory_bytes: bytes of decoded media kept in memory.
    """

    def __init__(
        self, root: str | os.PathLike[str] | None = None, limits: Limits = LIMITS, memory_bytes: int = 256 * 2**20
    ) -> None:
        self.root = Path(root) if root is not None else default_home() / "media"
        self.limits = limits
        self._recent = Recent(memory_bytes)
        self._swept = False

    def add_file(self, path: str | os.PathLike[str], called: str | None = None) -> Record:
        """Take in a copy of a file that holds an image, a clip or a video, and give its record.

        Args:
            path: of the file.
            called: what errors call it; by its path where None.

        Raises:
            MediaError: the file is unusable (see `open_media`), or the store cannot be written.
        """
        source, name = Path(path), called or str(path)
        check_file(source, self.limits, name)
        with self._writing(name) as (file, draft):
            sha = _copy(source, file, self.limits, name)
            file.flush()
            media = open_as(draft, self.limits, name, sha)
            with draft.open("rb") as written:
                suffix = sniff_format(written.read(HEAD_BYTES), name).suffix
            final = self._final("files", sha, suffix)
            if not (final.exists() and file_sha(final) == sha):
                self._publish(file, draft, final)
        if isinstance(media, Video):
            media = replace(media, path=final)
        self._recent.put(sha, media)
        return record_of(media)

    def add_bytes(self, data: bytes, called: str = "a medium (bytes)") -> Record:
        """Take in what a file holds, and give its record; `add_file` copies files, so a draft of one is written.

        Args:
            data: what the file holds.
            called: what errors call it.

        Raises:
            MediaError: as `add_file`.
        """
        with tempfile.TemporaryDirectory(prefix="agentmm-") as folder:
            path = Path(folder) / "medium"
            path.write_bytes(data)
            return self.add_file(path, called)

    def add(self, media: Stored) -> Record:
        """Store a medium that a tool made, losslessly, and give its record; known media are not written again.

        Raises:
            MediaError: the store cannot be written.
        """
        if self._find(media.sha) is None:
            if isinstance(media, Video):
                return self.add_file(media.path)
            if not isinstance(media, Mask) and media.file_sha is not None:
                media = _as_made(media)
            suffix, data = _encoded(media)
            with self._writing(media.sha) as (file, draft):
                file.write(data)
                self._publish(file, draft, self._final("made", media.sha, suffix))
        self._recent.put(media.sha, media)
        return record_of(media)

    def take_over(self, sha: str, other: MediaStore) -> None:
        """Copy a medium of another store under the same hash; what is here already is not written again.

        Raises:
            MediaError: the other store lacks it, or this one cannot be written.
        """
        if sha in self:
            return
        source = other.path(sha)
        with self._writing(sha) as (file, draft):
            _copy(source, file, self.limits, source.name)
            self._publish(file, draft, self.root / source.relative_to(other.root))

    def file_of(self, sha: str) -> tuple[str, bytes]:
        """A stored medium's file as `receive` of another store takes it: its name (`files/HASH.png`) and its bytes.

        Raises:
            MediaError: there is none, or it cannot be read.
        """
        path = self.path(sha)
        return f"{path.parent.parent.name}/{path.name}", b"".join(_chunks(path, path.name))

    def receive(self, name: str, data: bytes) -> None:
        """Store the file of another store, perhaps another machine's; what is here already is not written again.

        Args:
            name: as `file_of` gives it.
            data: the file.

        Raises:
            MediaError: it is no such name, not the medium whose hash it names, too large, or cannot be written.
        """
        named = _KEPT.fullmatch(name)
        if named is None:
            raise MediaError("not the name of a stored medium", got=name, expected="files/HASH.SUFFIX")
        area, sha, suffix = named.groups()
        if sha in self:
            return
        if len(data) > self.limits.file_bytes:
            raise MediaError(f"{name} is too large", expected=f"at most {self.limits.file_bytes} bytes")
        final = self._final(area, sha, suffix)
        with self._writing(name) as (file, draft):
            file.write(data)
            file.flush()
            made = area == "made"
            digest = hashlib.sha256(data).hexdigest()
            media = _decoded(data, suffix, self.limits, name) if made else open_as(draft, self.limits, name, digest)
            if media.sha != sha:
                raise MediaError("a medium came with another's hash", got=media.sha, expected=sha)
            self._publish(file, draft, final)
        if isinstance(media, Video):
            media = replace(media, path=final)
        self._recent.put(sha, media)

    def get(self, record: Mapping[str, Any] | str) -> Stored:
        """The medium of a record or hash, with the record's origin; what is read from disk is checked against the hash.

        Raises:
            MediaError: unknown, or damaged on disk.
        """
        sha = record if isinstance(record, str) else str(record.get("sha", ""))
        if not sha:
            raise MediaError(
                "no record of a stored medium", got=record, expected="a hash, or a record with the key sha"
            )
        media = self._recent.get(sha)
        if media is None:
            media = self._read(sha)
            self._recent.put(sha, media)
        return placed(media, Origin(sha) if isinstance(record, str) else origin_of(record))

    def path(self, sha: str) -> Path:
        """The file that holds a medium.

        Raises:
            MediaError: there is none.
        """
        found = self._find(sha)
        if found is None:
            raise MediaError("the media store has no such medium", got=sha, expected=f"a hash stored in {self.root}")
        return found

    def __contains__(self, sha: object) -> bool:
        return isinstance(sha, str) and self._find(sha) is not None

    def _find(self, sha: str) -> Path | None:
        """The file of a hash, by its stem; the suffix only serves viewers."""
        if len(sha) != 64 or not _HEX.issuperset(sha):
            return None
        for area in ("files", "made"):
            for path in (self.root / area / sha[:2]).glob(f"{sha}.*"):
                return path
        return None

    def _final(self, area: str, sha: str, suffix: str) -> Path:
        return self.root / area / sha[:2] / f"{sha}{suffix}"

    def _read(self, sha: str) -> Stored:
        """Decode a stored medium and compare it with its hash."""
        path = self.path(sha)
        name = f"stored medium {path.name}"
        try:
            made = path.parent.parent.name == "made"
            if made:
                media = _decoded(path.read_bytes(), path.name[len(sha) :], self.limits, name)
            else:
                media = open_as(path, self.limits, name, file_sha(path))
        except (MediaError, OSError) as error:
            raise _damaged(path, str(error)) from error
        if media.sha != sha:
            raise _damaged(path, f"content with hash {media.sha[:12]}...")
        return media

    @contextmanager
    def _writing(self, name: str) -> Iterator[tuple[BinaryIO, Path]]:
        """A draft file beside the final places; it is gone afterwards unless published, whatever happens."""
        draft = self.root / "drafts" / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            self._sweep(draft.parent)
            with draft.open("xb") as file:
                yield file, draft
        except OSError as error:
            mend = "free some space, or set AGENTMM_HOME to a folder that can be written"
            raise MediaError(
                f"cannot store {name} in {self.root}", got=error.strerror or str(error), mend=mend
            ) from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _sweep(self, drafts: Path) -> None:
        """Once per store object: remove what processes that died long ago left behind."""
        if self._swept:
            return
        self._swept = True
        oldest = time.time() - _STALE_S
        for path in drafts.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _publish(self, file: BinaryIO, draft: Path, final: Path) -> None:
        """Give a written draft its final name once it is on disk."""
        file.flush()
        os.fsync(file.fileno())
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, final)
        _sync_folder(final.parent)


def _copy(source: Path, file: BinaryIO, limits: Limits, name: str) -> str:
    """Copy a file and give the hash of what was copied, even if it grows meanwhile."""
    digest, total = hashlib.sha256(), 0
    for chunk in _chunks(source, name):
        total += len(chunk)
        if total > limits.file_bytes:
            raise MediaError(f"{name} is too large", expected=f"at most {limits.file_bytes} bytes")
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def _chunks(source: Path, name: str) -> Iterator[bytes]:
    """A file's bytes in pieces; its own faults are not the store's."""
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise MediaError(f"cannot read {name}", got=error.strerror) from error


def _encoded(media: Image | Audio | Mask) -> tuple[str, bytes]:
    """Suffix and bytes of a lossless file."""
    if isinstance(media, Audio):
        return ".wav", encode_wav(media.samples, media.rate_hz)
    pil = media.to_pil() if isinstance(media, Image) else PILImage.fromarray(media.pixels.astype(np.uint8) * 255)
    buffer = io.BytesIO()
    pil.save(buffer, "PNG", compress_level=1)
    return ".mask.png" if isinstance(media, Mask) else ".png", buffer.getvalue()


def _decoded(data: bytes, suffix: str, limits: Limits, name: str) -> Image | Audio | Mask:
    """The medium in a file of `_encoded`."""
    if suffix == ".wav":
        return Audio(*decode_wav(data, limits, name))
    pixels = decode_image(data, sniff_format(data, name), limits, name)
    return Mask(pixels[:, :, 0] > 127) if suffix == ".mask.png" else Image(pixels)


def _as_made(media: Image | Audio) -> Image | Audio:
    """A medium whose file is not in the store counts as made: its samples are kept, not its file."""
    known = media.origin is not None and media.origin.chain
    return replace(media, file_sha=None, origin=media.origin if known else None)


def _damaged(path: Path, got: str) -> MediaError:
    return MediaError(
        f"stored medium {path} is damaged", got=got, mend=f"delete it (rm {path}) and add the medium again"
    )


def _sync_folder(folder: Path) -> None:
    """Put a folder's entries on disk, where the system allows it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
