"""QR codes and article numbers: their modules by hand and by OpenCV's readers."""

from __future__ import annotations

import numpy as np
import pytest

from agentmm.errors import ConfigError
from agentmm.world.codes import draw_payload, ean13_check_digit, ean13_modules, make_code
from agentmm.world.qr import check_words, qr_matrix


def read(picture, kind):
    cv2 = pytest.importorskip("cv2")
    turned = np.ascontiguousarray(picture[:, :, ::-1])
    if kind == "qr":
        return cv2.QRCodeDetector().detectAndDecode(turned)[0]
    return cv2.barcode.BarcodeDetector().detectAndDecode(turned)[0]


def test_check_words_of_a_published_example():
    """ISO/IEC 18004 annex I: `01234567` as version 1-M."""
    words = [0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11]
    assert check_words(words, 10) == [0xA5, 0x24, 0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55]


@pytest.mark.parametrize(("payload", "size"), [("A" * 14, 21), ("A" * 15, 25), ("A" * 27, 29), ("x" * 42, 29)])
def test_qr_size_follows_the_payload_and_opencv_reads_it(payload, size):
    matrix = qr_matrix(payload)
    assert matrix.shape == (size, size)
    picture = np.where(np.pad(matrix, 4).repeat(6, 0).repeat(6, 1), 0, 255).astype(np.uint8)
    assert read(np.stack([picture] * 3, -1), "qr") == payload


def test_qr_refuses_what_does_not_fit():
    with pytest.raises(ConfigError, match="at most 42 bytes"):
        qr_matrix("x" * 43)


def test_ean13_of_a_known_article():
    """4006381333931 is the example in every text on EAN-13; its bars by hand from the tables."""
    assert ean13_check_digit("400638133393") == 1
    left = "000110101001110101111011110100010010110011"
    right = "100001010000101000010111010010000101100110"
    bars = "".join("1" if bar else "0" for bar in ean13_modules("4006381333931"))
    assert bars == f"101{left}01010{right}101"


@pytest.mark.parametrize("payload", ["4006381333932", "123", "40063813339 1", ""])
def test_ean13_refuses_other_numbers(payload):
    with pytest.raises(ConfigError, match="not an article number"):
        ean13_modules(payload)


def test_make_code_is_seeded_and_its_box_lies_inside():
    for seed in range(10):
        first, second = (make_code(np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first.pixels, second.pixels)
        assert first.payload == second.payload
        x0, y0, x1, y1 = first.box
        assert 0 <= x0 < x1 <= first.pixels.shape[1]
        assert 0 <= y0 < y1 <= first.pixels.shape[0]


def test_unknown_kind_is_one_clear_line():
    with pytest.raises(ConfigError, match="unknown kind of code; got 'aztec'"):
        make_code(np.random.default_rng(0), "aztec")


@pytest.mark.parametrize(("kind", "least"), [("qr", 36), ("ean13", 32)])
def test_opencv_reads_most_of_forty(kind, least):
    pictures = [make_code(np.random.default_rng([9, seed]), kind) for seed in range(40)]
    assert sum(read(picture.pixels, kind) == picture.payload for picture in pictures) >= least


def test_payloads_are_short():
    rng = np.random.default_rng(2)
    assert all(len(draw_payload(rng, "qr").encode()) <= 42 for _ in range(200))
