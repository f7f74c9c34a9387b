"""Picture files: what every mode, orientation and bad file becomes."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PILImage

from agentmm.errors import MediaError
from agentmm.media import Image, Limits, open_media, sniff

RED = (255, 0, 0)


def mean(image):
    return image.pixels.reshape(-1, 3).mean(axis=0).round().tolist()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "GIF", "JPEG", "AVIF"])
def test_every_format_opens_as_what_was_saved(file_of, encoded, form):
    data = encoded(PILImage.new("RGB", (30, 20), RED), form)
    assert sniff(data) == "image"
    image = open_media(file_of(data, "a.wrong_suffix"))
    assert (image.width, image.height) == (30, 20)
    assert np.allclose(mean(image), RED, atol=4)
    assert image.sha == hashlib.sha256(data).hexdigest()
    assert image.origin.source == image.sha


def _mode_cases():
    grey16 = PILImage.fromarray(np.full((4, 4), 0x8080, np.uint16))
    wide = PILImage.fromarray(np.full((4, 4), 51400, np.int32))
    floats = PILImage.fromarray(np.full((4, 4), 0.5, np.float32))
    palette = PILImage.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    clear = palette.copy()
    clear.info["transparency"] = 1
    return {
        "one bit": (PILImage.new("1", (4, 4), 1), [255, 255, 255]),
        "grey": (PILImage.new("L", (4, 4), 77), [77, 77, 77]),
        "grey 16": (grey16, [128, 128, 128]),  # 0x8080 / 257 = 128
        "integers": (wide, [200, 200, 200]),  # 51400 / 257 = 200
        "floats": (floats, [128, 128, 128]),  # 0.5 of full scale
        "palette": (palette, [10, 20, 30]),
        "clear palette": (clear, [255, 255, 255]),
        "half clear": (PILImage.new("RGBA", (4, 4), (0, 0, 0, 128)), [127, 127, 127]),  # 255 * (1 - 128/255)
        "half clear grey": (PILImage.new("LA", (4, 4), (0, 51)), [204, 204, 204]),  # 255 * (1 - 51/255)
        "cmyk": (PILImage.new("CMYK", (4, 4), (0, 255, 255, 0)), [255, 0, 0]),
        "ycc": (PILImage.new("YCbCr", (4, 4), (128, 128, 128)), [128, 128, 128]),
    }


@pytest.mark.parametrize("case", _mode_cases())
def test_every_mode_becomes_opaque_rgb(case):
    pil, expected = _mode_cases()[case]
    assert mean(Image.from_pil(pil)) == expected


def test_16_bit_cmyk_palette_and_clear_files(file_of, encoded):
    modes = _mode_cases()
    assert mean(open_media(file_of(encoded(modes["grey 16"][0])))) == [128, 128, 128]
    assert mean(open_media(file_of(encoded(modes["floats"][0], "TIFF")))) == [128, 128, 128]
    assert np.allclose(mean(open_media(file_of(encoded(modes["cmyk"][0], "JPEG")))), RED, atol=4)
    assert mean(open_media(file_of(encoded(modes["palette"][0])))) == [10, 20, 30]
    assert mean(open_media(file_of(encoded(modes["half clear"][0])))) == [127, 127, 127]
    assert mean(open_media(file_of(encoded(modes["palette"][0], "PNG", transparency=1)))) == [255, 255, 255]


def test_an_animated_file_is_its_first_frame(file_of, encoded):
    frames = [PILImage.new("RGB", (8, 8), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        assert np.allclose(mean(open_media(file_of(data))), RED, atol=4)


# What a viewer must show for each EXIF orientation of the stored array, as array operations.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(file_of, encoded, picture, orientation):
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    image = open_media(file_of(encoded(picture.to_pil(), "PNG", exif=exif)))
    assert np.array_equal(image.pixels, UPRIGHT[orientation](picture.pixels))


def test_damaged_exif_does_not_hide_sound_pixels(file_of, encoded, picture):
    data = encoded(picture.to_pil(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert open_media(file_of(data)).width == picture.width


def _png(width, height, rows=b""):
    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\0" * 100, "no known image"),
        (b"just some text, no medium at all", "no known image"),
        (b"%PDF-1.7 ...........", "no known image"),
        (b"\x89PNG\r\n\x1a\n", "truncated or damaged"),
        (_png(0, 0), "no pixels"),
        (_png(5, 0), "no pixels"),
        (_png(100_000, 100_000), "too large a picture"),
        (_png(10_000, 10_000), "too large a picture"),
        (_png(1, 40_000), "too large a picture"),
        (_png(8, 8, b"\0\0"), "truncated or damaged"),
        (b"BM" + b"\0" * 60, "no pixels"),
        (b"GIF89a\1\0\1\0\0\0\0", "truncated or damaged"),
        (b"P6 0 0 255\n", "damaged|no pixels"),
    ],
)
def test_bad_pictures_end_in_one_clear_line(file_of, data, reason):
    path = file_of(data, "bad.png")
    with pytest.raises(MediaError, match=reason) as caught:
        open_media(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "expected" in line
    assert "\n" not in line
    assert "Traceback" not in line


def test_bombs_are_refused_without_decoding(file_of):
    limits = Limits(image_pixels=99)
    with pytest.raises(MediaError, match=r"10x10 px.*at most 99 px"):
        open_media(file_of(_png(10, 10, b"\0" * 310)), limits)
    assert open_media(file_of(_png(9, 11, b"\0" * 28 * 11)), limits).width == 9


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        open_media(tmp_path / "absent.png")
    with pytest.raises(MediaError, match="is a directory"):
        open_media(tmp_path)
    with pytest.raises(MediaError, match="no plain file"):
        open_media("/dev/null")
    with pytest.raises(MediaError, match="cannot read"):
        open_media("a\0b")


def test_a_file_beyond_the_byte_limit_is_not_read(file_of, encoded):
    path = file_of(encoded(PILImage.new("RGB", (30, 20))))
    with pytest.raises(MediaError, match=r"too large.*at most 10 bytes"):
        open_media(path, Limits(file_bytes=10))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "AVIF"])
def test_half_a_file_is_no_picture(file_of, encoded, form):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(PILImage.fromarray(noise), form)
    with pytest.raises(MediaError, match="truncated or damaged"):
        open_media(file_of(data[: len(data) // 2], f"half.{form}"))


def test_other_libraries_settings_do_not_matter(file_of, encoded, monkeypatch, picture):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(picture.to_pil(), "PNG")
    with pytest.raises(MediaError):
        open_media(file_of(data[:-2000]))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_equal_pixels_have_equal_hashes_whatever_encoded_them(picture):
    again = Image.from_pil(PILImage.open(io.BytesIO(_saved(picture))))
    assert again.sha == picture.sha
    # From the rule: SHA-256 of kind, mode, size and raw samples.
    assert picture.sha == hashlib.sha256(b"image\0RGB\x0060x40\0" + picture.pixels.tobytes()).hexdigest()
    reshaped = Image(picture.pixels.reshape(60, 40, 3))
    assert reshaped.sha != picture.sha


def _saved(picture):
    buffer = io.BytesIO()
    picture.to_pil().save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
