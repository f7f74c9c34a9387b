"""WAV files, read and written with numpy alone, so that sound needs no extra."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentmm.errors import MediaError
from agentmm.media.limits import Limits

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_STREAMED = (0, 0xFFFFFFFF, 0x7FFFFFFF)  # sizes that writers to a pipe leave behind: "until the end"
_EXPECTED = "a WAV file of 8, 16, 24 or 32 bit PCM or of 32 or 64 bit floats"


@dataclass(frozen=True)
class _Layout:
    """What a `fmt ` chunk says."""

    code: int
    channels: int
    rate_hz: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def decode_wav(data: bytes, limits: Limits, name: str) -> tuple[npt.NDArray[np.float32], int]:
    """Samples float32 [N] of one channel (the mean of all) in -1..1, and the rate in Hz.

    Raises:
        MediaError: damaged, truncated, of an unknown encoding, or beyond the limits.
    """
    layout, body = _chunks(data, name)
    frames = len(body) // layout.frame_bytes
    if frames == 0:
        raise MediaError(f"{name} has no samples", expected="at least one")
    refuse_long(frames, layout.rate_hz, limits, name)
    values = _values(body[: frames * layout.frame_bytes], layout, name)
    mono = values.reshape(frames, layout.channels).mean(axis=1, dtype=np.float64) if layout.channels > 1 else values
    if not np.isfinite(mono).all():
        raise MediaError(f"{name} has samples that are not numbers", expected="finite samples")
    return np.clip(mono, -1.0, 1.0).astype(np.float32), layout.rate_hz


def encode_wav(samples: npt.NDArray[np.float32], rate_hz: int) -> bytes:
    """A WAV file of 32 bit floats, one channel; loses nothing."""
    body = samples.astype("<f4").tobytes()
    layout = struct.pack("<HHIIHHH", _FLOAT, 1, rate_hz, rate_hz * 4, 4, 32, 0)
    fact = struct.pack("<I", samples.size)
    parts = ((b"fmt ", layout), (b"fact", fact), (b"data", body))
    chunks = b"".join(tag + struct.pack("<I", len(part)) + part for tag, part in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def refuse_long(samples: int, rate_hz: int, limits: Limits, name: str) -> None:
    """Compare a clip's length with the limits.

    Raises:
        MediaError: it is longer.
    """
    if samples > limits.audio_samples or samples > limits.audio_seconds * rate_hz:
        expected = f"at most {limits.audio_seconds:g} s and {limits.audio_samples} samples"
        raise MediaError(
            f"{name} is too long a clip", got=f"{samples / rate_hz:.1f} s at {rate_hz} Hz", expected=expected
        )


def _chunks(data: bytes, name: str) -> tuple[_Layout, memoryview]:
    """The layout and the sample bytes of a RIFF file."""
    layout, place, view = None, 12, memoryview(data)
    while place + 8 <= len(data):
        tag, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8
        if tag == b"fmt ":
            layout = _layout(data[place : place + size], name)
        elif tag == b"data":
            return _checked(layout, name), _body(view[place:], size, name)
        place += size + size % 2
    raise MediaError(f"{name} is truncated or damaged", got=f"{len(data)} bytes without samples", expected=_EXPECTED)


def _body(rest: memoryview, size: int, name: str) -> memoryview:
    """The sample bytes, unless the header promises more than the file holds."""
    if size in _STREAMED:
        return rest
    if size > len(rest):
        promised = f"{len(rest)} bytes of samples where its header promises {size}"
        raise MediaError(f"{name} is truncated or its header lies", got=promised, expected="a whole WAV file")
    return rest[:size]


def _layout(chunk: bytes, name: str) -> _Layout:
    """The parsed `fmt ` chunk; the extensible form hides its code in a GUID."""
    if len(chunk) < 16:
        raise MediaError(
            f"{name} is truncated or damaged", got=f"a format chunk of {len(chunk)} bytes", expected=_EXPECTED
        )
    code, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if code == _EXTENSIBLE and len(chunk) >= 26:
        code = int.from_bytes(chunk[24:26], "little")
    return _Layout(code, channels, rate_hz, bits)


def _checked(layout: _Layout | None, name: str) -> _Layout:
    """The layout, if it came before the samples and can be read."""
    known = {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}
    if layout is None or (layout.code, layout.bits) not in known:
        raise MediaError(f"{name} has an encoding that is not known here", got=layout, expected=_EXPECTED)
    if not (1 <= layout.channels <= 64 and 1 <= layout.rate_hz <= 1_000_000):
        raise MediaError(f"{name} has an impossible header", got=layout, expected="1 to 64 channels, 1 Hz to 1 MHz")
    return layout


def _values(body: memoryview, layout: _Layout, name: str) -> npt.NDArray[np.floating]:
    """All channels' samples, interleaved, as floats."""
    if layout.code == _FLOAT:
        return np.frombuffer(body, dtype="<f4" if layout.bits == 32 else "<f8")
    if layout.bits == 8:
        return (np.frombuffer(body, dtype=np.uint8).astype(np.float32) - 128.0) / 128.0
    if layout.bits == 16:
        return np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
    if layout.bits == 32:
        return np.frombuffer(body, dtype="<i4").astype(np.float64) / 2147483648.0
    triples = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
    wide = np.zeros((triples.shape[0], 4), dtype=np.uint8)
    wide[:, 1:] = triples
    return wide.view("<i4").reshape(-1).astype(np.float64) / 2147483648.0
