"""Generated pages: truth, layout, degradation, and pixels equal on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agentmm.errors import ConfigError
from agentmm.world.documents import FONTS, MAKERS, document_caption, make_document
from agentmm.world.documents.degrade import blur, gaussian, jpeg, tilt, turned_box, turned_size
from agentmm.world.documents.fonts import FOLDER, for_height
from agentmm.world.documents.words import UPPER, price, random_word, words

HASHES = Path(__file__).with_name("document_hashes.txt")


@pytest.fixture(scope="module")
def pages():
    rng = np.random.default_rng(20)
    return [make_document(rng, list(MAKERS)[index % len(MAKERS)]) for index in range(60)]


def page_hash(seed: int) -> str:
    pixels = make_document(np.random.default_rng([7, seed])).pixels
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]


def test_first_hundred_pages_have_the_committed_pixels():
    """A difference here means that Pillow's FreeType or JPEG draws otherwise than the versions in constraints."""
    assert [page_hash(seed) for seed in range(100)] == HASHES.read_text().split()


def test_each_kind_can_be_asked_for(pages):
    assert {page.kind for page in pages} == {"receipt", "invoice", "sign", "label", "table", "chart"}
    for page in pages:
        assert page.pixels.dtype == np.uint8
        assert page.pixels.shape[2] == 3
        assert 1 <= len(page.lines) <= 10


def test_unknown_kind_is_one_clear_line():
    with pytest.raises(ConfigError, match="unknown kind of document; got 'poem'; expected one of receipt"):
        make_document(np.random.default_rng(0), "poem")


def test_labels_are_unique_and_values_stand_on_the_page(pages):
    for page in pages:
        labels = [field.label.casefold() for field in page.fields]
        assert len(set(labels)) == len(labels)
        for field in page.fields:
            assert any(field.value in line for line in page.lines)
            x0, y0, x1, y1 = field.box
            assert 0 <= x0 < x1 <= page.pixels.shape[1]
            assert 0 <= y0 < y1 <= page.pixels.shape[0] + 1


def test_layout_says_where_a_value_stands(pages):
    for page in pages:
        for field in page.fields:
            if page.layout == "rows":
                assert f"{field.label} {field.value}" in page.lines or f"{field.label}: {field.value}" in page.lines
            elif page.layout == "columns":
                assert f"{field.label} {field.value}" in page.lines
            else:
                assert any(field.label.startswith(row[0]) and field.value in row for row in page.rows)


def test_totals_are_the_sum_of_the_items(pages):
    for page in pages:
        if page.kind in ("receipt", "invoice"):
            cents = sum(int(item.value.replace(".", "")) for item in page.items)
            assert page.total == price(cents)


def test_a_box_holds_the_ink_of_its_value(pages):
    """Around a value's middle the page is darker than its paper: the box was turned with the page."""
    for page in pages:
        if page.kind == "sign":
            continue
        for field in page.fields:
            x0, y0, x1, y1 = (round(side) for side in field.box)
            darkest = page.pixels[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1].min()
            assert int(darkest) < min(page.look.paper) - 40


def test_series_and_cells_agree_with_the_fields(pages):
    for page in pages:
        if page.kind == "chart":
            assert [(bar.label, str(bar.value)) for bar in page.series] == [(f.label, f.value) for f in page.fields]
            assert len({bar.value for bar in page.series}) == len(page.series)
        if page.kind == "table":
            assert [field.value for field in page.fields] == [cell for row in page.rows for cell in row[1:]]


def test_looks_stay_in_the_promised_ranges(pages):
    for page in pages:
        look = page.look
        assert look.font in FONTS
        assert 9 <= look.text_px <= 40
        assert abs(look.tilt_degrees) <= 12
        assert 0 <= look.blur_px <= 1.5
        assert 35 <= look.jpeg_quality <= 95


def test_a_quarter_of_the_words_are_random():
    rng = np.random.default_rng(4)
    found = [words(rng, ("Known",), 1)[0] for _ in range(2000)]
    assert 0.21 < sum(word != "Known" for word in found) / 2000 < 0.29


def test_words_never_begin_each_other():
    rng = np.random.default_rng(5)
    for _ in range(200):
        found = [word.lower() for word in words(rng, ("Oslo", "Oslofjord", "Os", "Rome", "Kent"), 3)]
        assert not any(a != b and a.startswith(b) for a in found for b in found)


def test_random_words_hold_no_look_alikes():
    rng = np.random.default_rng(6)
    assert not set("IO") & set(UPPER)
    assert not set("".join(random_word(rng) for _ in range(300))) & set("IOilo01")


def test_there_are_at_least_eight_typefaces_and_their_files_are_small():
    assert len(FONTS) >= 8
    files = [FOLDER / name for name in FONTS.values()]
    assert sum(file.stat().st_size for file in files) <= 1_200_000
    assert len(list(FOLDER.glob("LICENSE_*.txt"))) == 3


@pytest.mark.parametrize("text_px", [9, 17, 40])
def test_text_is_as_high_as_asked(text_px):
    for name in FONTS:
        _, top, _, bottom = for_height(name, text_px).getbbox("Hg")
        assert abs(bottom - top - text_px) <= 2


def test_tilt_by_ninety_degrees_is_a_quarter_turn():
    """Counter-clockwise, as numpy's rot90: whole weights leave every pixel as it was."""
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    assert np.array_equal(tilt(pixels, 90, (0, 0, 0)), np.rot90(pixels))
    assert np.array_equal(tilt(pixels, 0, (0, 0, 0)), pixels)


def test_tilt_agrees_with_pillow():
    """Pillow's bilinear rotation is an independent implementation; the centre may differ by rounding only."""
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8)[None, :, None], (80, 1, 3))
    ours = tilt(ramp, 8, (0, 0, 0))
    theirs = np.asarray(Image.fromarray(ramp).rotate(8, Image.Resampling.BILINEAR, expand=True))
    assert abs(ours.shape[0] - theirs.shape[0]) <= 1
    middle = ours.shape[0] // 2, ours.shape[1] // 2
    window = (slice(middle[0] - 15, middle[0] + 15), slice(middle[1] - 25, middle[1] + 25))
    assert np.abs(ours[window].astype(int) - theirs[window].astype(int)).max() <= 3


def test_turned_box_and_size_by_hand():
    """A quarter turn of a 40 x 20 page: (30, 0) .. (40, 5), at the right of the top edge, goes to the left of it."""
    assert turned_size(40, 20, 90) == (20, 40)
    assert turned_box((30, 0, 40, 5), 40, 20, 90) == pytest.approx((0, 0, 5, 10))


def test_blur_keeps_flat_pages_and_brightness():
    flat = np.full((9, 9, 3), 137, np.uint8)
    assert np.array_equal(blur(flat, 1.5), flat)
    spot = np.zeros((15, 15, 3), np.uint8)
    spot[7, 7] = 255
    assert blur(spot, 1.0)[7, 7, 0] == round(255 * (gaussian(1.0)[3] / 4096) ** 2)
    assert sum(gaussian(0.7)) == 4096


def test_jpeg_keeps_the_size_and_loses_detail():
    noise = np.random.default_rng(3).integers(0, 256, (21, 33, 3)).astype(np.uint8)
    poor, good = jpeg(noise, 35), jpeg(noise, 95)
    assert poor.shape == noise.shape
    error = [np.abs(made.astype(int) - noise).mean() for made in (poor, good)]
    assert error[0] > error[1] > 0


def test_captions_are_true(pages):
    rng = np.random.default_rng(8)
    for page in pages:
        for _ in range(3):
            caption = document_caption(page, rng)
            assert caption.startswith(("a ", "an "))
            if "total of" in caption:
                assert caption.endswith(page.total)
            if "that says" in caption:
                assert page.title in caption
