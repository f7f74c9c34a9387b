"""Truncations, flipped bytes and random bytes: a medium or a `MediaError`, never anything else, and soon."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmm.errors import MediaError
from agentmm.media import Limits, open_media, sniff

LIMITS = Limits(image_pixels=1_000_000, audio_seconds=60, video_seconds=60)
KINDS = ("image", "audio", "video")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "WAV")
AV_FORMATS = ("flac", "mp3", "ogg", "ipod", "adts", "mp4", "avi", "matroska")
MAGIC = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"P4 ",
    b"P5 9 9 255\n",
    b"P6",
    b"RIFF\0\0\0\0WEBP",
    b"RIFF\0\0\0\0WAVEfmt ",
    b"RF64\0\0\0\0WAVE",
    b"RIFF\0\0\0\0AVI ",
    b"fLaC",
    b"OggS",
    b"ID3\4",
    b"\xff\xfb\x90\0",
    b"\xff\xf1\x5c",
    b"\x1aE\xdf\xa3",
    b"\0\0\0\x1cftypisom",
    b"\0\0\0\x1cftypM4A ",
    b"\0\0\0\x1cftypavif",
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def _outcome(path, data: bytes) -> str:
    """The kind of medium in the bytes, or the error's line; anything else but `MediaError` fails the test."""
    path.write_bytes(data)
    try:
        return open_media(path, LIMITS).kind
    except MediaError as error:
        return str(error)


def _check(path, data: bytes) -> None:
    began = time.monotonic()
    outcome = _outcome(path, data)
    assert time.monotonic() - began < 10
    assert outcome in KINDS or (outcome.startswith(str(path)) and outcome.isprintable())


@pytest.mark.parametrize("form", FORMATS + AV_FORMATS)
@quick
@given(share=st.floats(0, 1))
def test_truncated_files(tmp_path, valid, form, share):
    data = valid(form)
    _check(tmp_path / "cut", data[: int(len(data) * share)])


@pytest.mark.parametrize("form", FORMATS + AV_FORMATS)
@quick
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12))
def test_flipped_bytes(tmp_path, valid, form, changes):
    data = bytearray(valid(form))
    for share, value in changes:
        data[int(len(data) * share * share)] = value  # squared: headers are where the harm is
    _check(tmp_path / "flipped", bytes(data))


@settings(quick, max_examples=300)
@given(magic=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_random_bytes_behind_a_known_magic(tmp_path, magic, rest):
    _check(tmp_path / "random", magic + rest)


@settings(quick, max_examples=300)
@given(data=st.binary(max_size=80))
def test_random_bytes_have_a_kind_or_an_error(data):
    try:
        kind = sniff(data)
    except MediaError:
        kind = None
    assert kind in (*KINDS, None)
