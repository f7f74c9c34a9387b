"""Crop, zoom and rotate: which pixels, which way round, which size."""

import numpy as np
import pytest

from agentmm.errors import MediaError
from agentmm.media import Image, Limits, Mask, Region, crop, rotate, zoom


def test_a_crop_holds_every_pixel_the_box_touches(picture):
    part = crop(picture, (10.4, 5.0, 12.1, 7.0))
    assert (part.width, part.height) == (3, 2)  # x 10, 11, 12; y 5, 6
    assert part.pixels[0, :, 0].tolist() == [10, 11, 12]
    assert part.pixels[:, 0, 1].tolist() == [5, 6]


def test_a_crop_is_cut_at_the_edges(picture):
    assert crop(picture, (-5, -5, 1000, 3)).pixels.shape == (3, 60, 3)


@pytest.mark.parametrize("box", [(70, 0, 80, 10), (5, 5, 5, 5), (0, 0, float("nan"), 5), (0, 0, 5), (9, 9, 3, 3)])
def test_an_empty_crop_is_refused(picture, box):
    with pytest.raises(MediaError, match="crop"):
        crop(picture, box)


def test_quarter_turns_are_counter_clockwise_and_exact():
    image = Image(np.array([[[1, 1, 1], [2, 2, 2]], [[3, 3, 3], [4, 4, 4]], [[5, 5, 5], [6, 6, 6]]], np.uint8))
    turned = rotate(image, 90)
    # 1 2        2 4 6     what was on the right is on top
    # 3 4   ->   1 3 5
    # 5 6
    assert turned.pixels[:, :, 0].tolist() == [[2, 4, 6], [1, 3, 5]]
    assert rotate(image, -90).pixels[:, :, 0].tolist() == [[5, 3, 1], [6, 4, 2]]
    assert rotate(image, 540).pixels[:, :, 0].tolist() == [[6, 5], [4, 3], [2, 1]]
    assert np.array_equal(rotate(image, 360).pixels, image.pixels)
    assert rotate(turned, -90).sha == image.sha


@pytest.mark.parametrize("degrees", [90, 180, 270, -90])
def test_boxes_of_quarter_turns_come_back_exactly(picture, degrees):
    dark = np.array(picture.pixels)
    dark[8:12, 20:30] = 255
    turned = rotate(Image(dark), degrees)
    ys, xs = np.nonzero((turned.pixels == 255).all(axis=2))
    found = turned.region((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)).in_source()
    assert found.box == (20.0, 8.0, 30.0, 12.0)


def test_a_slanted_canvas_holds_the_whole_picture_on_white():
    turned = rotate(Image(np.zeros((100, 100, 3), np.uint8)), 45)
    assert (turned.width, turned.height) == (142, 142)  # 100 * sqrt(2) = 141.42
    assert turned.pixels[0, 0].tolist() == [255, 255, 255]
    assert turned.pixels[71, 71].tolist() == [0, 0, 0]
    assert (255 - turned.pixels[:, :, 0].astype(float)).sum() / 255 == pytest.approx(10_000, rel=0.01)


def test_zoom_scales_both_ways(picture):
    assert (zoom(picture, 2).width, zoom(picture, 2).height) == (120, 80)
    assert (zoom(picture, 0.001).width, zoom(picture, 0.001).height) == (1, 1)
    assert zoom(picture, 2.5).region((25, 25, 50, 50)).in_source().box == (10.0, 10.0, 20.0, 20.0)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf"), 1e300, 1e5])
def test_impossible_zooms_are_refused(picture, factor):
    with pytest.raises(MediaError, match=r"zoom|too large"):
        zoom(picture, factor)


def test_views_keep_the_limits(picture):
    with pytest.raises(MediaError, match="too large"):
        zoom(picture, 2, Limits(image_pixels=9000))
    with pytest.raises(MediaError, match="too large"):
        rotate(picture, 45, Limits(image_side_px=60))
    with pytest.raises(MediaError, match="rotate"):
        rotate(picture, float("inf"))


def test_media_cannot_be_changed(picture):
    source = np.zeros((4, 4, 3), np.uint8)
    image = Image(source)
    source[:] = 9
    assert image.pixels.max() == 0
    for part in (image, crop(picture, (0, 0, 5, 5)), rotate(picture, 30), zoom(picture, 2)):
        with pytest.raises(ValueError, match="read-only"):
            part.pixels[0, 0] = 1


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 4), np.uint8)],
)
def test_other_arrays_are_no_pictures(pixels):
    with pytest.raises(MediaError, match="uint8 pixels"):
        Image(pixels)


def test_masks_have_bounds_and_make_regions(picture):
    pixels = np.zeros((40, 60), bool)
    pixels[3:7, 10:20] = True
    mask = Mask(pixels, picture.place)
    assert mask.box == (10.0, 3.0, 20.0, 7.0)
    region = Region(kind="mask", mask=mask, origin=picture.place, image=picture)
    assert region.box == mask.box
    assert region.centre == (15.0, 5.0)
    assert region.cut().pixels.shape == (4, 10, 3)
    assert Mask(np.zeros((2, 2), bool)).box is None
    with pytest.raises(MediaError, match="bool"):
        Mask(np.zeros((2, 2), np.uint8))


def test_a_region_without_its_picture_cannot_be_cut():
    with pytest.raises(MediaError, match="not at hand"):
        Region(box=(0, 0, 1, 1)).cut()
