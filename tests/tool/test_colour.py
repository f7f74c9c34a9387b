"""Colour names and the colour of a thing."""

import numpy as np
import pytest

from agentmm.tool.colour import PALETTE, colour_index, name_colour, thing_colour

EXAMPLES = {
    "red": [(255, 0, 0), (200, 30, 30), (139, 0, 0)],
    "orange": [(255, 165, 0), (245, 138, 22), (255, 120, 0)],
    "yellow": [(255, 255, 0), (242, 218, 45), (255, 215, 0)],
    "green": [(0, 128, 0), (0, 255, 0), (44, 158, 66), (0, 100, 0)],
    "blue": [(0, 0, 255), (42, 90, 214), (0, 0, 128), (135, 206, 235)],
    "purple": [(128, 0, 128), (128, 54, 178), (75, 0, 130)],
    "pink": [(255, 192, 203), (246, 134, 186), (255, 105, 180)],
    "brown": [(139, 69, 19), (122, 74, 38), (101, 67, 33)],
    "black": [(0, 0, 0), (24, 24, 28), (50, 50, 52)],
    "white": [(255, 255, 255), (240, 240, 238)],
    "grey": [(128, 128, 128), (90, 92, 95), (190, 190, 190)],
}


@pytest.mark.parametrize("name", PALETTE)
def test_names_of_well_known_colours(name):
    assert list(name_colour(np.array(EXAMPLES[name]))) == [name] * len(EXAMPLES[name])


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((134, 62, 50), "brown"),  # hue 8.6 degrees, saturation 0.63, value 134
        ((142, 54, 40), "brown"),  # hue 8.2, saturation 0.72
        ((140, 60, 45), "brown"),  # hue 9.5, saturation 0.68
        ((110, 52, 40), "brown"),  # hue 10.3, saturation 0.64
        ((255, 0, 0), "red"),
        ((128, 0, 0), "red"),  # as dark, but pure
        ((139, 22, 0), "red"),  # hue 9.5, but saturation 1
        ((140, 40, 36), "red"),  # hue 2.3
        ((178, 34, 34), "red"),
        ((205, 60, 40), "red"),  # hue 7.3, but bright
        ((194, 60, 36), "red"),  # hue 9.1, but bright
        ((255, 69, 0), "orange"),  # hue 16.2
        ((240, 90, 30), "orange"),  # hue 17.1
        ((255, 140, 0), "orange"),
        ((200, 100, 20), "orange"),
    ],
)
def test_a_dark_dull_red_that_leans_to_orange_is_brown(rgb, name):
    assert list(name_colour(np.array([rgb]))) == [name]


def test_shapes_are_kept_and_every_colour_has_a_name():
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1)
    assert name_colour(cube).shape == cube.shape[:-1]
    assert set(np.unique(colour_index(cube))) == set(range(len(PALETTE)))


def disc(colour, background, side=60):
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    pixels = np.full((side, side, 3), background, np.uint8)
    pixels[np.hypot(x, y) < side / 2] = colour
    return pixels


def test_the_background_does_not_count():
    found = thing_colour(disc((214, 40, 40), (240, 238, 225)))
    assert (found.name, found.rgb, found.share) == ("red", (214, 40, 40), 1.0)


def test_a_thing_that_fills_its_box_is_no_background():
    pixels = np.full((40, 40, 3), (42, 90, 214), np.uint8)
    pixels[5:18, 25:40] = (44, 158, 66)  # a green neighbour covers a tenth
    assert thing_colour(pixels).name == "blue"


def test_pixels_of_others_are_left_out():
    pixels = disc((214, 40, 40), (250, 250, 250))
    mine = np.ones(pixels.shape[:2], bool)
    pixels[:, :40] = (44, 158, 66)
    mine[:, :40] = False
    assert thing_colour(pixels, mine).name == "red"
    assert thing_colour(pixels, np.zeros_like(mine)) is None


def test_noise_is_borne():
    rng = np.random.default_rng(0)
    noisy = disc((122, 74, 38), (235, 235, 240)).astype(int) + rng.integers(-20, 21, (60, 60, 3))
    assert thing_colour(noisy.clip(0, 255).astype(np.uint8)).name == "brown"
