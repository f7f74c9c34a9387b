"""Reading text: rows, angles, and a page that is really read."""

import importlib
import math

import numpy as np
import pytest
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from agentmm.media import Image
from agentmm.registry import load_tool

pytest.importorskip("rapidocr")
read_text = importlib.import_module("agentmm.tools.read_text")


def word(text, x, y, width, height=10.0, angle=0.0):
    """A word whose top left corner lies at (x, y) on a page turned clockwise by `angle` degrees about the origin."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return read_text.Word(corners @ np.array([[cos, sin], [-sin, cos]]), text, 0.9)


def texts(words, angle=0.0):
    return [row.text for row in read_text.rows(words, math.radians(angle))]


RECEIPT = [
    ("12.50", 200, 41, 40),
    ("Tea", 10, 20, 30),
    ("TOTAL", 10, 40, 50),
    ("4.00", 205, 23, 30),
    ("ACME", 90, 0, 60),
]


@pytest.mark.parametrize("angle", [0.0, 7.0, -12.0, 12.0])
def test_words_on_one_visual_row_join(angle):
    words = [word(text, x, y, width, angle=angle) for text, x, y, width in RECEIPT]
    assert texts(words, angle) == ["ACME", "Tea 4.00", "TOTAL 12.50"]


def test_half_an_overlap_is_not_enough():
    assert texts([word("a", 0, 0, 20), word("b", 40, 5, 20)]) == ["a", "b"]
    assert texts([word("a", 0, 0, 20), word("b", 40, 4, 20)]) == ["a b"]


def test_words_above_each_other_never_join():
    assert texts([word("large", 0, 0, 100, 40), word("small", 10, 20, 60, 8)]) == ["large", "small"]


def below(*rows, angle=0.0):
    """Rows of columns 60 px wide, centred."""
    placed = [
        (text, 60 * column + 30 - 3 * len(text), 20 * row, 6 * len(text))
        for row, texts_ in enumerate(rows)
        for column, text in enumerate(texts_)
    ]
    return [word(text, x, y, width, angle=angle) for text, x, y, width in placed]


@pytest.mark.parametrize("angle", [0.0, 4.0])
def test_names_above_their_numbers_are_told_by_column(angle):
    words = below(["", "Exports"], ["Oslo", "Quito", "Dover"], ["56", "194", "1,200"], ["source"], angle=angle)
    given = [one for one in words if one.text]
    assert texts(given, angle) == ["Exports", "Oslo 56", "Quito 194", "Dover 1,200", "source"]


def test_names_that_were_found_as_one_piece_are_told_by_column():
    words = [word("Oslo Quito", 18, 0, 84), word("56", 24, 20, 12), word("194", 81, 20, 18)]
    assert texts(words) == ["Oslo 56", "Quito 194"]
    assert [row.box for row in read_text.rows(words)] == [(18, 0, 51.6, 30), (60, 0, 102, 30)]


def test_a_name_of_several_words_is_told_with_its_number():
    words = [word("New York", 0, 0, 48), word("Oslo", 80, 0, 24), word("5", 0, 20, 6), word("1200", 80, 20, 24)]
    assert texts(words) == ["New York 5", "Oslo 1200"]


@pytest.mark.parametrize(
    "rows",
    [
        [["Qty", "Price"], ["2", "3.50"], ["1", "4.00"]],  # a table
        [["Tea", "2.80"], ["Salt", "1.20"]],  # a receipt
        [["1999", "2001"], ["56", "194"]],  # no names
        [["Oslo", "Quito", "Dover"], ["56", "194"]],  # a number is missing
        [["Oslo", "Quito"], ["open", "194"]],
    ],
)
def test_other_rows_stay_rows(rows):
    assert texts(below(*rows)) == [" ".join(row) for row in rows]


def test_numbers_beside_their_columns_stay_a_row():
    words = [word("Oslo", 0, 0, 24), word("Quito", 60, 0, 30), word("56", 100, 20, 12), word("194", 160, 20, 18)]
    assert texts(words) == ["Oslo Quito", "56 194"]


def test_a_row_has_the_bounds_of_its_words_and_their_least_score():
    row = read_text.rows([word("a", 0, 0, 20), word("b", 40, 1, 20)])[0]
    assert row.box == (0, 0, 60, 11)
    assert row.score == 0.9
    assert read_text.rows([]) == []


def page(lines, size=20, angle=0.0):
    canvas = PILImage.new("RGB", (360, 60 + 40 * len(lines)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    for number, (left, right) in enumerate(lines):
        draw.text((40, 40 + 40 * number), left, "black", font)
        draw.text((260, 40 + 40 * number), right, "black", font)
    return Image.from_pil(canvas.rotate(angle, PILImage.Resampling.BICUBIC, fillcolor="white"))


LINES = [("ACME STORE", ""), ("Coffee", "3.50"), ("Blue tea", "12.00"), ("TOTAL", "15.50")]


@pytest.mark.parametrize("angle", [0.0, 9.0])
def test_a_receipt_is_read(angle):
    value = load_tool("read_text").call(image=page(LINES, angle=angle)).value
    assert [region.text for region in value["lines"]] == ["ACME STORE", "Coffee 3.50", "Blue tea 12.00", "TOTAL 15.50"]
    assert value["count"] == 4
    if angle == 0:
        x0, y0, x1, y1 = value["lines"][3].box
        assert 30 < x0 < 45
        assert 150 < y0 < 170
        assert 290 < x1 < 325
        assert 175 < y1 < 190


def test_the_angle_of_text_is_found():
    image = page(LINES, angle=-6.0)
    words = read_text._words(image.pixels, 512, 1, 0.5)
    assert math.degrees(read_text.text_angle(image.pixels, words)) == pytest.approx(6.0, abs=0.3)


def test_a_picture_without_text():
    assert load_tool("read_text").call(image=Image(np.full((200, 200, 3), 255, np.uint8))).value == {
        "count": 0,
        "lines": [],
    }
