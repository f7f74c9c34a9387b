import hashlib
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from agentmm.world.drawing import COLOURS, SHAPES, SUB, cut, paint, stamp
from agentmm.world.scenes import LEAST_VISIBLE, SIZES, Scene, Shape, make_scene

HASHES = Path(__file__).parent / "scene_hashes.txt"


def scene(index: int, **options: object) -> Scene:
    return make_scene(np.random.default_rng([2, index]), **options)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def hundred() -> list[Scene]:
    return [scene(index) for index in range(100)]


def test_the_first_hundred_scenes_have_the_committed_pixels(hundred: list[Scene]) -> None:
    hashes = [hashlib.sha256(s.pixels.tobytes()).hexdigest() for s in hundred]
    assert hashes == HASHES.read_text().split()


def test_scenes_keep_their_promises(hundred: list[Scene]) -> None:
    assert {len(s.shapes) for s in hundred} >= set(range(2, 13))
    for picture in hundred:
        assert picture.pixels.shape == (256, 256, 3)
        assert 1 <= len(picture.shapes) <= 14
        for number, shape in enumerate(picture.shapes):
            low, high = SIZES[shape.size]
            assert low <= shape.side_px <= high
            assert shape.z == number
            assert LEAST_VISIBLE <= shape.visible <= 1
            assert min(shape.box) >= 0
            assert max(shape.box) <= 256


def test_overlap_is_there_but_rare(hundred: list[Scene]) -> None:
    visible = np.array([shape.visible for picture in hundred for shape in picture.shapes])
    assert 0.05 < (visible < 0.95).mean() < 0.35
    assert 0.002 < (visible < 0.7).mean() < 0.1


def test_every_property_occurs(hundred: list[Scene]) -> None:
    shapes = [shape for picture in hundred for shape in picture.shapes]
    assert {s.shape for s in shapes} == set(SHAPES)
    assert {s.colour for s in shapes} == set(COLOURS)
    assert {s.size for s in shapes} == set(SIZES)


def test_size_words_can_be_told_from_boxes() -> None:
    ranges = list(SIZES.values())
    assert all(b[0] - a[1] >= 10 for a, b in pairwise(ranges))


def test_the_middle_of_an_uncovered_shape_has_its_colour() -> None:
    picture = scene(5, difficulty=0.0, number=6)
    for shape in picture.shapes:
        if shape.visible == 1:
            x, y = (int(v) for v in shape.centre)
            difference = np.abs(picture.pixels[y, x].astype(int) - COLOURS[shape.colour])
            assert difference.max() <= 4


def test_same_seed_same_scene_and_other_seed_other_scene() -> None:
    assert np.array_equal(scene(3).pixels, scene(3).pixels)
    assert not np.array_equal(scene(3).pixels, scene(4).pixels)


def test_number_and_size_of_the_picture_can_be_set() -> None:
    assert scene(1, number=0).shapes == ()
    wide = scene(1, number=4, width=320, height=240)
    assert wide.pixels.shape == (240, 320, 3)
    assert (wide.width, wide.height) == (320, 240)
    assert all(SIZES[s.size][0] <= s.side_px * 256 / 240 + 1e-6 for s in wide.shapes)


def truth(*names: str) -> Scene:
    shapes = []
    for index, name in enumerate(names):
        size, colour, kind = name.split()
        x = 20.0 * index
        side = SIZES[size][0] + index
        shapes.append(Shape(kind, colour, size, (x, 0.0, x + side, side), (x + side / 2, side / 2), 1.0, index))
    return Scene(np.zeros((256, 256, 3), np.uint8), tuple(shapes), "plain", 0.5)


def test_find_and_count() -> None:
    picture = truth("small red circle", "small red cross", "large blue circle")
    assert picture.count() == 3
    assert picture.count(shape="circle") == 2
    assert picture.count(colour="red", shape="circle") == 1
    assert picture.count(size="medium") == 0
    assert [s.name for s in picture.find(size="small")] == ["red circle", "red cross"]


def test_a_level_square_covers_exactly_its_pixels() -> None:
    mark = stamp(cut("square", 20, (30, 40)))
    assert mark.box == pytest.approx((20, 30, 40, 50))
    assert mark.coverage.sum() == 20 * 20 * SUB * SUB
    picture = np.full((64, 64, 3), 255, np.uint8)
    paint(picture, mark, (10, 20, 30))
    assert (picture[30:50, 20:40] == (10, 20, 30)).all()
    assert (picture == 255).all(axis=2).sum() == 64 * 64 - 400


def test_areas_of_other_shapes() -> None:
    """A disc of diameter 60 has 900 pi px; an upright triangle in a w x h box has w h / 2."""
    disc = stamp(cut("circle", 60, (50, 50)))
    assert disc.coverage.sum() / SUB**2 == pytest.approx(900 * math.pi, rel=0.005)
    triangle = stamp(cut("triangle", 60, (50, 50)))
    x0, y0, x1, y1 = triangle.box
    assert triangle.coverage.sum() / SUB**2 == pytest.approx((x1 - x0) * (y1 - y0) / 2, rel=0.005)


@pytest.mark.parametrize("shape", SHAPES)
def test_boxes_are_tight_at_any_turn(shape: str) -> None:
    for degrees in (0, 17, 45):
        mark = stamp(cut(shape, 50, (60.3, 61.7), degrees))
        assert (mark.box[2] - mark.box[0] + mark.box[3] - mark.box[1]) / 2 == pytest.approx(50)
        rows, columns = np.nonzero(mark.coverage)
        drawn = (columns.min() + mark.left, rows.min() + mark.top, columns.max() + mark.left, rows.max() + mark.top)
        assert np.abs(np.add(drawn, (0, 0, 1, 1)) - mark.box).max() <= 1.3


def test_a_stamp_may_hang_over_the_edge() -> None:
    picture = np.full((32, 32, 3), 255, np.uint8)
    paint(picture, stamp(cut("square", 20, (0, 31))), (0, 0, 0))
    assert (picture == 0).all(axis=2).sum() == 10 * 11
    paint(picture, stamp(cut("square", 20, (500, 500))), (0, 0, 0))
