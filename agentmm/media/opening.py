"""The one way in: a file of unknown content becomes an `Image`, an `Audio` or a `Video`, or one clear error."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from agentmm.errors import MediaError
from agentmm.media.audio import Audio
from agentmm.media.av_file import decode_audio, read_header
from agentmm.media.geometry import Origin
from agentmm.media.image import Image
from agentmm.media.image_file import decode_image
from agentmm.media.limits import LIMITS, Limits
from agentmm.media.sniff import HEAD_BYTES, Format, sniff_format
from agentmm.media.video import Video
from agentmm.media.wav import decode_wav


def open_media(path: str | os.PathLike[str], limits: Limits = LIMITS) -> Image | Audio | Video:
    """The medium in a file: upright RGB pixels, one channel of samples, or a handle on a video.

    Raises:
        MediaError: missing, no plain file, empty, unknown, truncated, damaged or beyond the limits.
        MissingExtra: compressed sound or video without PyAV.
    """
    return open_as(Path(path), limits, str(path))


def open_as(path: Path, limits: Limits, name: str, sha: str | None = None) -> Image | Audio | Video:
    """`open_media` for a file that errors shall call `name`, and whose hash may be known already.

    Raises:
        MediaError: as in `open_media`.
    """
    check_file(path, limits, name)
    try:
        with path.open("rb") as file:
            form = sniff_format(file.read(HEAD_BYTES), name)
        if form.kind == "video":
            return _video(path, form, limits, name, sha or file_sha(path))
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(f"cannot read {name}", got=error.strerror) from error
    return decode(data, form, limits, name, sha or hashlib.sha256(data).hexdigest())


def decode(data: bytes, form: Format, limits: Limits, name: str, sha: str | None) -> Image | Audio:
    """The picture or clip in the bytes of a file.

    Raises:
        MediaError: truncated, damaged or beyond the limits.
    """
    origin = None if sha is None else Origin(sha)
    if form.kind == "image":
        return Image(decode_image(data, form, limits, name), origin, sha)
    if form.decoder == "wav":
        samples, rate_hz = decode_wav(data, limits, name)
    else:
        samples, rate_hz = decode_audio(data, form.decoder.removeprefix("av:"), limits, name)
    return Audio(samples, rate_hz, origin, sha)


def check_file(path: Path, limits: Limits, name: str) -> None:
    """Refuse what is no plain file of a bearable size.

    Raises:
        MediaError: missing, a folder, a device or pipe, empty, too large, not readable.
    """
    expected = "the path of an image, audio or video file"
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise MediaError(f"{name} does not exist", expected=expected) from error
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot read {name}", got=str(error), expected=expected) from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{name} is a directory", expected=expected)
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{name} is no plain file", expected=expected)
    if status.st_size == 0:
        raise MediaError(f"{name} is empty", expected=expected)
    if status.st_size > limits.file_bytes:
        raise MediaError(
            f"{name} is too large", got=f"{status.st_size} bytes", expected=f"at most {limits.file_bytes} bytes"
        )


def file_sha(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _video(path: Path, form: Format, limits: Limits, name: str, sha: str) -> Video | Audio:
    """The video in a file, or its sound where there are no pictures."""
    demuxer = form.decoder.removeprefix("av:")
    header = read_header(path, demuxer, limits, name)
    if header is None:
        samples, rate_hz = decode_audio(path, demuxer, limits, name)
        return Audio(samples, rate_hz, Origin(sha), sha)
    return Video(path, sha, demuxer, **vars(header))
