"""Reading QR codes and bar codes."""

import numpy as np
import pytest

from agentmm.media import Image
from agentmm.media import rotate as rotated
from agentmm.registry import load_tool

cv2 = pytest.importorskip("cv2")

LEFT = {d: f"{code:07b}" for d, code in enumerate((13, 25, 19, 61, 35, 49, 47, 59, 55, 11))}
PARITY = ("LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL")


def qr(text, scale=4):
    code = cv2.QRCodeEncoder.create().encode(text)
    return np.kron(code, np.ones((scale, scale), np.uint8))


def ean13(digits, wide=2, high=70):
    """Bars of an EAN-13 number by the published tables."""

    def flip(bits):
        return "".join("10"[int(bit)] for bit in bits)

    bits = "101"
    for digit, kind in zip(digits[1:7], PARITY[int(digits[0])], strict=True):
        bits += LEFT[int(digit)] if kind == "L" else flip(LEFT[int(digit)])[::-1]
    bits += "01010" + "".join(flip(LEFT[int(digit)]) for digit in digits[7:]) + "101"
    row = np.repeat(np.array([255 * (bit == "0") for bit in bits], np.uint8), wide)
    return np.tile(row, (high, 1))


def on_page(*pieces, width=420, height=300):
    page = np.full((height, width), 255, np.uint8)
    for piece, x, y in pieces:
        page[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
    return Image(np.repeat(page[:, :, None], 3, axis=2))


def read(image):
    value = load_tool("read_code").call(image=image).value
    assert value["count"] == len(value["codes"])
    return value["codes"]


def test_a_qr_code_and_where_it_is():
    code = qr("HELLO 42")
    (found,) = read(on_page((code, 60, 50)))
    assert (found.text, found.label, found.attributes) == ("qr HELLO 42", "qr", {"content": "HELLO 42"})
    quiet = 2 * 4  # the encoder's own margin
    expected = (60 + quiet, 50 + quiet, 60 + code.shape[1] - quiet, 50 + code.shape[0] - quiet)
    assert found.box == pytest.approx(expected, abs=6)


def test_several_codes_in_reading_order():
    page = on_page((qr("SECOND"), 250, 30), (qr("FIRST"), 30, 30), (qr("THIRD"), 30, 170))
    assert [code.text for code in read(page)] == ["qr FIRST", "qr SECOND", "qr THIRD"]


def test_a_bar_code():
    (found,) = read(on_page((ean13("4006381333931"), 100, 100)))
    assert found.text == "ean13 4006381333931"


def test_small_and_tilted_codes():
    assert [code.text for code in read(on_page((qr("TINY 7", 2), 20, 20), width=100, height=100))] == ["qr TINY 7"]
    tilted = rotated(on_page((qr("TILT"), 150, 100)), 11)
    assert [code.text for code in read(tilted)] == ["qr TILT"]


def test_a_code_that_touches_the_edge():
    code = qr("EDGE")[8:-8, 8:-8]
    assert [found.text for found in read(Image(np.repeat(code[:, :, None], 3, axis=2)))] == ["qr EDGE"]


def test_no_code():
    assert read(Image(np.full((80, 80, 3), 200, np.uint8))) == []
