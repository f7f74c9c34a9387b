"""Compressed sound and video through PyAV, which is imported only when such a file arrives.

The demuxer is always named by the sniffed format and reads an open file: a playlist inside a hostile file can
make libav open nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agentmm.errors import MediaError, MissingExtra
from agentmm.media.limits import Limits
from agentmm.media.wav import refuse_long

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer


_EXACT = ("flac", "mov")  # formats whose headers state the length; of the others libav only guesses it


@dataclass(frozen=True)
class VideoHeader:
    """What a video file says of itself, with the orientation applied."""

    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    has_audio: bool


def decode_audio(source: bytes | Path, demuxer: str, limits: Limits, name: str) -> tuple[npt.NDArray[np.float32], int]:
    """Samples float32 [N] of one channel in -1..1, and the rate in Hz, of a file's first sound stream.

    Raises:
        MediaError: damaged, silent or beyond the limits.
        MissingExtra: PyAV is not installed.
    """
    with _opened(source, demuxer, name) as container:
        if not container.streams.audio:
            raise MediaError(f"{name} has no sound", expected="a file with a sound stream")
        stream = container.streams.audio[0]
        rate_hz = int(stream.rate or 0)
        if rate_hz < 1:
            raise MediaError(f"{name} is truncated or damaged", expected="a sample rate")
        if stream.duration is not None and stream.time_base is not None:
            refuse_long(int(stream.duration * stream.time_base * rate_hz), rate_hz, limits, name)
        samples = _mixed(container, rate_hz, limits, name)
        promised = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if samples.size == 0:
        raise MediaError(f"{name} has no samples", expected="at least one")
    if demuxer in _EXACT and samples.size / rate_hz < 0.9 * promised - 0.2:
        got = f"{samples.size / rate_hz:.2f} s of sound where its header promises {promised:.2f} s"
        raise MediaError(f"{name} is truncated or its header lies", got=got, expected="a whole media file")
    return samples, rate_hz


def read_header(path: Path, demuxer: str, limits: Limits, name: str) -> VideoHeader | None:
    """Header of a video file, None where it holds sound alone.

    Raises:
        MediaError: damaged, or beyond the limits; the first frame is decoded to be sure.
        MissingExtra: PyAV is not installed.
    """
    with _opened(path, demuxer, name) as container:
        if not container.streams.video:
            return None
        stream = container.streams.video[0]
        fps = float(stream.average_rate or stream.guessed_rate or 0) or 25.0
        seconds = _seconds(container, stream)
        frames = stream.frames or max(1, round(seconds * fps))
        _refuse_video(stream.width, stream.height, frames, seconds, limits, name)
        # The header may lie: the decoder itself refuses larger frames.
        stream.codec_context.options = {"max_pixels": str(limits.image_pixels)}
        first = next(container.decode(stream), None)
        if first is None:
            raise MediaError(f"{name} has no frames", expected="at least one")
        pixels = _upright(first)
        return VideoHeader(pixels.shape[1], pixels.shape[0], fps, frames, seconds, bool(container.streams.audio))


def read_frame(path: Path, demuxer: str, time_s: float, name: str) -> tuple[npt.NDArray[np.uint8], float]:
    """Pixels [H, W, 3] of the frame shown at a time, and the time it begins.

    Raises:
        MediaError: the file cannot be decoded there.
    """
    with _opened(path, demuxer, name) as container:
        stream = container.streams.video[0]
        start = float((stream.start_time or 0) * (stream.time_base or 0))
        if time_s > 0:
            container.seek(int((time_s + start) / float(stream.time_base or 1)), stream=stream)
        shown = None
        for frame in container.decode(stream):
            if shown is not None and float(frame.time or 0.0) - start > time_s + 1e-6:
                break
            shown = frame
        if shown is None:
            raise MediaError(f"{name} has no frame there", got=f"{time_s} s")
        return _upright(shown), max(0.0, float(shown.time or 0.0) - start)


@contextmanager
def _opened(source: bytes | Path, demuxer: str, name: str) -> Iterator[InputContainer]:
    """An open container; whatever libav finds wrong becomes one `MediaError`."""
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av", "speech") from error
    try:
        with (
            io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
            av.open(file, "r", format=demuxer, metadata_errors="ignore") as container,
        ):
            yield container
    except (MediaError, MissingExtra):
        raise
    except Exception as error:  # libav's wrappers raise nearly anything on hostile bytes
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{name} is truncated or damaged", got=reason, expected="a whole media file") from error


def _mixed(container: InputContainer, rate_hz: int, limits: Limits, name: str) -> npt.NDArray[np.float32]:
    """All samples of the first sound stream, mixed to one channel; stops as soon as they are too many."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
    parts: list[np.ndarray] = []
    count = 0
    for frame in chain(_sound_frames(container, name), (None,)):
        parts.extend(part.to_ndarray().reshape(-1) for part in resampler.resample(frame))
        count += frame.samples if frame is not None else 0
        refuse_long(count, rate_hz, limits, name)
    joined = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    return np.clip(np.nan_to_num(joined), -1.0, 1.0).astype(np.float32)


def _sound_frames(container: InputContainer, name: str) -> Iterator[AudioFrame]:
    """Decoded frames; a few bad packets, which players skip too, are skipped.

    Raises:
        MediaError: more than a tenth of the packets is bad.
    """
    from av.error import InvalidDataError

    bad = packets = 0
    for packet in container.demux(audio=0):
        packets += 1
        try:
            yield from packet.decode()  # pyright: ignore[reportReturnType]  # sound alone is demuxed
        except InvalidDataError:
            bad += 1
    if bad > max(1, packets // 10):
        got = f"{bad} bad packets of {packets}"
        raise MediaError(f"{name} is truncated or damaged", got=got, expected="a whole media file")


def _seconds(container: InputContainer, stream: Any) -> float:
    """Length of a video, from the stream or else from the container."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / 1e6


def _refuse_video(width: int, height: int, frames: int, seconds: float, limits: Limits, name: str) -> None:
    """Compare a video's header with the limits before a frame is decoded."""
    if width < 1 or height < 1:
        raise MediaError(f"{name} has no pixels", got=f"{width}x{height} px", expected="at least 1x1 px")
    if width * height > limits.image_pixels or seconds > limits.video_seconds or frames > limits.video_frames:
        got = f"{width}x{height} px, {seconds:.1f} s, {frames} frames"
        expected = f"at most {limits.image_pixels} px, {limits.video_seconds:g} s, {limits.video_frames} frames"
        raise MediaError(f"{name} is too large a video", got=got, expected=expected)


def _upright(frame: Any) -> npt.NDArray[np.uint8]:
    """A frame's RGB pixels, turned as its display matrix says (counter-clockwise degrees)."""
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(getattr(frame, "rotation", 0) / 90) % 4))
