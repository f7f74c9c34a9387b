"""Sound files: every encoding of WAV, compressed files through PyAV, and bad ones."""

import io
import struct
import subprocess
import sys
import wave

import numpy as np
import pytest

from agentmm.errors import MediaError, MissingExtra
from agentmm.media import Audio, Limits, open_media, sniff

RATE = 8000
WAVE = np.sin(np.arange(RATE) / RATE * 2 * np.pi * 440).astype(np.float32) * 0.5


def pcm(values: bytes, width: int = 2, channels: int = 1, rate: int = RATE) -> bytes:
    """A WAV file written by the standard library."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(values)
    return buffer.getvalue()


def riff(body: bytes, code=1, channels=1, rate=RATE, bits=16, size=None) -> bytes:
    """A WAV file written by hand, whose header may lie."""
    frame = max(1, channels * bits // 8)
    layout = struct.pack("<HHIIHH", code, channels, rate, (rate * frame) % 2**32, frame, bits)
    data = b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(body) if size is None else size)
    return b"RIFF" + struct.pack("<I", 4 + len(data) + len(body)) + b"WAVE" + data + body


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pcm(struct.pack("<4h", 0, 16384, -16384, -32768)), [0, 0.5, -0.5, -1]),
        (pcm(bytes([128, 192, 64, 0]), width=1), [0, 0.5, -0.5, -1]),
        (pcm(b"\0\0\0" + b"\0\0\x40" + b"\0\0\xc0" + b"\0\0\x80", width=3), [0, 0.5, -0.5, -1]),
        (pcm(struct.pack("<4i", 0, 2**30, -(2**30), -(2**31)), width=4), [0, 0.5, -0.5, -1]),
        (riff(struct.pack("<4f", 0, 0.5, -0.5, -3), code=3, bits=32), [0, 0.5, -0.5, -1]),
        (riff(struct.pack("<4d", 0, 0.5, -0.5, -1), code=3, bits=64), [0, 0.5, -0.5, -1]),
        (pcm(struct.pack("<4h", 16384, 0, -32768, 32767), channels=2), [0.25, -0.5 / 32768]),
    ],
)
def test_every_wav_encoding(file_of, data, expected):
    clip = open_media(file_of(data))
    assert sniff(data) == "audio"
    assert clip.rate_hz == RATE
    assert clip.samples.tolist() == pytest.approx(expected, abs=1e-7)


def test_seconds_and_slices(file_of):
    clip = open_media(file_of(pcm((WAVE * 32767).astype("<i2").tobytes())))
    assert clip.seconds == 1.0
    part = clip.slice(0.25, 0.75)
    assert part.seconds == 0.5
    assert np.array_equal(part.samples, clip.samples[2000:6000])
    assert part.region((0.1, 0.2)).in_source().span == pytest.approx((0.35, 0.45))
    assert clip.slice(0.9, 5).seconds == pytest.approx(0.1)
    with pytest.raises(MediaError, match="empty slice"):
        clip.slice(2, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (riff(b""), "no samples"),
        (riff(b"\0" * 100, size=4000), "header lies"),
        (riff(b"\0" * 100, size=2**31), "header lies"),
        (riff(b"\0" * 100, channels=0), "impossible header"),
        (riff(b"\0" * 100, rate=0), "impossible header"),
        (riff(b"\0" * 100, rate=2**31), "impossible header"),
        (riff(b"\0" * 100, bits=12), "encoding"),
        (riff(b"\0" * 100, code=6, bits=8), "encoding"),
        (riff(struct.pack("<f", float("nan")), code=3, bits=32), "not numbers"),
        (riff(b"\0" * 100)[:30], "truncated"),
        (b"RIFF\0\0\0\0WAVE", "truncated"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0\0\0\0\0", "encoding"),
        (b"RIFF\0\0\0\0ABCD" + b"\0" * 50, "no known image"),
    ],
)
def test_bad_wav_files_end_in_one_clear_line(file_of, data, reason):
    path = file_of(data, "bad.wav")
    with pytest.raises(MediaError, match=reason) as caught:
        open_media(path)
    assert str(caught.value).startswith(str(path))
    assert "expected" in str(caught.value)


def test_a_streamed_wav_goes_until_its_end(file_of):
    assert open_media(file_of(riff(b"\0" * 100, size=0xFFFFFFFF))).samples.size == 50


def test_huge_sound_is_refused(file_of):
    data = riff(b"\0" * 200_000, rate=1000)  # 100 s
    with pytest.raises(MediaError, match=r"too long a clip; got '100.0 s at 1000 Hz'; expected at most 99 s"):
        open_media(file_of(data), Limits(audio_seconds=99))
    with pytest.raises(MediaError, match="too long a clip"):
        open_media(file_of(data), Limits(audio_samples=99_999))
    assert open_media(file_of(data)).seconds == 100


@pytest.mark.parametrize("samples", [np.zeros(4), np.zeros((2, 2), np.float32), np.zeros(0, np.float32)])
def test_other_arrays_are_no_clips(samples):
    with pytest.raises(MediaError, match="float32 samples"):
        Audio(samples, RATE)


def test_made_clips_keep_their_promises():
    with pytest.raises(MediaError, match="not numbers"):
        Audio(np.array([np.inf], np.float32), RATE)
    with pytest.raises(MediaError, match="sample rate"):
        Audio(WAVE, 0)
    assert Audio(np.array([2, -2], np.float32), RATE).samples.tolist() == [1, -1]


def test_sound_needs_no_extra_and_compressed_sound_names_it(file_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert open_media(file_of(pcm(b"\0\0" * 10))).seconds > 0
    with pytest.raises(MissingExtra, match=r'av is not installed; try: pip install "agentmm\[speech\]"'):
        open_media(file_of(b"fLaC" + b"\0" * 100))


def test_the_room_imports_nothing_heavy():
    heavy = ("torch", "av", "cv2", "pydantic", "langchain_core")
    code = f"import sys, agentmm.media; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
