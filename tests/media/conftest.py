import io
import wave

import numpy as np
import pytest
from PIL import Image as PILImage

from agentmm.media import Image, MediaStore


@pytest.fixture
def store(tmp_path):
    return MediaStore(tmp_path / "store")


@pytest.fixture
def picture():
    """A 60x40 picture in which every pixel differs: red is x, green is y."""
    ys, xs = np.mgrid[0:40, 0:60]
    return Image(np.stack([xs, ys, (xs * 7 + ys * 13) % 256], axis=2).astype(np.uint8))


@pytest.fixture
def file_of(tmp_path):
    """Writes bytes to a file and gives its path."""

    def write(data: bytes, name: str = "medium.bin"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def encoded():
    """Bytes of a PIL picture in a format."""

    def encode(pil: PILImage.Image, form: str = "PNG", **options) -> bytes:
        buffer = io.BytesIO()
        pil.save(buffer, form, **options)
        return buffer.getvalue()

    return encode


def _sound(form: str, codec: str, seconds: float = 1.0) -> bytes:
    av = pytest.importorskip("av")
    rate = 48000
    tone = np.sin(np.arange(int(rate * seconds)) / rate * 2 * np.pi * 440) * 0.5
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((tone[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return buffer.getvalue()


def _video(frames: int = 20, size=(64, 48), form: str = "mp4") -> bytes:
    """10 frames a second; frame i is grey 12 i, its left half 40 brighter."""
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(frames):
            pixels = np.full((size[1], size[0], 3), min(index * 12, 215), np.uint8)
            pixels[:, : size[0] // 2] += 40
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def sound():
    """Bytes of a sound file: a 440 Hz tone at half level, 48 kHz."""
    return _sound


@pytest.fixture(scope="session")
def video():
    """Bytes of a video file."""
    return _video


@pytest.fixture(scope="session")
def valid():
    """Bytes of a sound file of each format that is read here, made when asked for."""
    noise = np.random.default_rng(3).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    made = {}

    def bytes_of(form: str) -> bytes:
        if form not in made:
            made[form] = _bytes_of(form, noise)
        return made[form]

    return bytes_of


def _bytes_of(form: str, noise: np.ndarray) -> bytes:
    codecs = {"flac": "flac", "mp3": "libmp3lame", "ogg": "libopus", "ipod": "aac", "adts": "aac"}
    if form in codecs:
        return _sound(form, codecs[form], 0.3)
    if form in ("mp4", "avi", "matroska"):
        return _video(5, form=form)
    buffer = io.BytesIO()
    if form == "WAV":
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            file.writeframes(noise.tobytes())
    else:
        PILImage.fromarray(noise).save(buffer, form)
    return buffer.getvalue()
