"""Tools that cut, turn and measure."""

import numpy as np
import pytest

from agentmm.errors import ToolError
from agentmm.media import Audio, Image, Region
from agentmm.registry import load_tool


def call(name, **arguments):
    return load_tool(name).call(**arguments).value


@pytest.fixture
def image():
    return Image(np.arange(20 * 30 * 3, dtype=np.uint16).astype(np.uint8).reshape(20, 30, 3))


def test_crop_of_a_box_and_of_a_span(image):
    part = call("crop", region=image.region((2, 3, 12, 8)))["image"]
    assert np.array_equal(part.pixels, image.pixels[3:8, 2:12])
    assert part.region((0, 0, 1, 1)).in_source().box == (2, 3, 3, 4)
    clip = Audio(np.linspace(-1, 1, 8000, dtype=np.float32), 8000)
    span = Region(kind="span", span=(0.25, 0.5), origin=clip.place, image=clip)
    assert call("crop", region=span)["audio"].seconds == 0.25


def test_zoom_and_its_bounds(image):
    assert (lambda made: (made.width, made.height))(call("zoom", image=image, factor=2)["image"]) == (60, 40)
    for factor in (0, -1, 17, 1e9):
        with pytest.raises(ToolError):
            call("zoom", image=image, factor=factor)


def test_rotate_is_counter_clockwise(image):
    turned = call("rotate", image=image, degrees=90)["image"]
    assert np.array_equal(turned.pixels, np.rot90(image.pixels))
    assert call("rotate", image=image, degrees=-450)["image"].height == 30


def test_describe_media(image):
    assert call("describe_media", media=image) == {"kind": "image", "width": 30, "height": 20}
    clip = Audio(np.zeros(12000, np.float32), 8000)
    assert call("describe_media", media=clip) == {"kind": "audio", "seconds": 1.5, "rate_hz": 8000}


def test_measure_colour_of_a_region():
    pixels = np.full((60, 60, 3), (240, 240, 230), np.uint8)
    pixels[20:40, 20:40] = (44, 158, 66)
    region = Image(pixels).region((18, 18, 42, 42))
    assert call("measure_colour", image=region.cut()) == {"colour": "green", "rgb": [44, 158, 66], "share": 1.0}
