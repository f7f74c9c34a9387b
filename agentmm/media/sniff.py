"""What kind of medium some bytes are, by their first bytes alone; names and extensions are never believed."""

from __future__ import annotations

from dataclasses import dataclass

from agentmm.errors import MediaError

HEAD_BYTES = 64


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: short name.
        kind: `image`, `audio` or `video`.
        decoder: the one decoder that may read it: a PIL format, `wav`, or `av:` and a libav demuxer.
        suffix: file name suffix for stored copies.
    """

    name: str
    kind: str
    decoder: str
    suffix: str


_PREFIXES: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", Format("PNG", "image", "PNG", ".png")),
    (b"\xff\xd8\xff", Format("JPEG", "image", "JPEG", ".jpg")),
    (b"GIF87a", Format("GIF", "image", "GIF", ".gif")),
    (b"GIF89a", Format("GIF", "image", "GIF", ".gif")),
    (b"BM", Format("BMP", "image", "BMP", ".bmp")),
    (b"II*\0", Format("TIFF", "image", "TIFF", ".tif")),
    (b"MM\0*", Format("TIFF", "image", "TIFF", ".tif")),
    (b"P4", Format("PBM", "image", "PPM", ".pbm")),
    (b"P5", Format("PGM", "image", "PPM", ".pgm")),
    (b"P6", Format("PPM", "image", "PPM", ".ppm")),
    (b"fLaC", Format("FLAC", "audio", "av:flac", ".flac")),
    (b"OggS", Format("Ogg", "audio", "av:ogg", ".ogg")),
    (b"ID3", Format("MP3", "audio", "av:mp3", ".mp3")),
    (b"\x1aE\xdf\xa3", Format("Matroska", "video", "av:matroska", ".mkv")),
)
_RIFF = {
    b"WEBP": Format("WebP", "image", "WEBP", ".webp"),
    b"WAVE": Format("WAV", "audio", "wav", ".wav"),
    b"AVI ": Format("AVI", "video", "av:avi", ".avi"),
}
_BRANDS = {
    b"avif": Format("AVIF", "image", "AVIF", ".avif"),
    b"M4A ": Format("M4A", "audio", "av:mov", ".m4a"),
    b"M4B ": Format("M4A", "audio", "av:mov", ".m4a"),
}
_MP4 = Format("MP4", "video", "av:mov", ".mp4")
_EXPECTED = "PNG, JPEG, GIF, BMP, TIFF, WebP, AVIF or PPM; WAV, FLAC, Ogg, MP3, AAC or M4A; MP4, MOV, MKV, WebM or AVI"


def sniff_format(head: bytes, name: str = "the data") -> Format:
    """The format whose magic bytes `head` begins with.

    Raises:
        MediaError: no bytes, or bytes of no known format.
    """
    if not head:
        raise MediaError(f"{name} is empty", expected=_EXPECTED)
    for magic, found in _PREFIXES:
        if head.startswith(magic):
            return found
    found = _container(head) or _mpeg_audio(head)
    if found is None:
        raise MediaError(f"{name} is no known image, audio or video file", got=head[:12], expected=_EXPECTED)
    return found


def sniff(data: bytes) -> str:
    """The kind of the bytes: `image`, `audio` or `video`.

    Raises:
        MediaError: no bytes, or bytes of no known format.
    """
    return sniff_format(data[:HEAD_BYTES]).kind


def _container(head: bytes) -> Format | None:
    """RIFF and ISO files, which name their content a few bytes in."""
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"heic", b"heix", b"mif1", b"msf1"):
            return _BRANDS[b"avif"] if b"avif" in head[16:] else None
        return _BRANDS.get(head[8:12], _MP4)
    return None


def _mpeg_audio(head: bytes) -> Format | None:
    """MP3 and AAC frames without a tag before them."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Format("AAC", "audio", "av:aac", ".aac")
    known_layer = head[1] & 0x06 == 0x02
    known_rate = head[2] & 0xF0 not in (0x00, 0xF0) and head[2] & 0x0C != 0x0C
    return Format("MP3", "audio", "av:mp3", ".mp3") if known_layer and known_rate else None
