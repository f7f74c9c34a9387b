"""Chains of views against derivations that share no code with them: complex numbers and painted dots."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmm.errors import MediaError
from agentmm.media import Audio, Image, Origin, Region, Step, crop, rotate, zoom
from agentmm.media.geometry import IDENTITY, apply, compose

numbers = st.floats(-50, 50)
affines = st.tuples(*[numbers] * 6)


@given(affines, affines, st.tuples(numbers, numbers))
def test_composition_applies_the_inner_map_first(outer, inner, point):
    one_by_one = apply(outer, apply(inner, point))
    assert apply(compose(outer, inner), point) == pytest.approx(one_by_one, rel=1e-9, abs=1e-6)


views = st.lists(
    st.one_of(
        st.tuples(st.just("crop"), st.tuples(*[st.floats(0, 1)] * 4)),
        st.tuples(st.just("zoom"), st.floats(0.4, 2.5)),
        st.tuples(st.just("rotate"), st.floats(-400, 400)),
    ),
    min_size=1,
    max_size=4,
)


def _viewed(image, steps):
    """The picture after the steps, and an independent map back to the source, in complex numbers."""
    back = []
    for op, value in steps:
        width, height = image.width, image.height
        if op == "crop":
            x0, x1 = sorted((value[0] * width, value[2] * width))
            y0, y1 = sorted((value[1] * height, value[3] * height))
            x0, y0 = min(x0, width - 1), min(y0, height - 1)
            x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
            image = crop(image, (x0, y0, x1, y1))
            shift = complex(max(0, math.floor(x0)), max(0, math.floor(y0)))
            back.append(lambda z, shift=shift: z + shift)
        elif op == "zoom":
            image = zoom(image, value)
            sx, sy = width / image.width, height / image.height
            back.append(lambda z, sx=sx, sy=sy: complex(z.real * sx, z.imag * sy))
        else:
            image = rotate(image, value)
            old, new = complex(width, height) / 2, complex(image.width, image.height) / 2
            # With y down, counter-clockwise by d degrees is multiplication by exp(-i d); this is the way back.
            turn = cmath.exp(1j * math.radians(value))
            back.append(lambda z, old=old, new=new, turn=turn: old + (z - new) * turn)
    return image, lambda z: _through(back, z)


def _through(back, z):
    for step in reversed(back):
        z = step(z)
    return z


@settings(max_examples=80, deadline=None)
@given(views, st.tuples(*[st.floats(0, 1)] * 4))
def test_a_box_in_a_view_of_a_view_maps_to_source_pixels(steps, fractions):
    image, back = _viewed(Image(np.zeros((64, 96, 3), np.uint8)), steps)
    x0, x1 = sorted((fractions[0] * image.width, fractions[2] * image.width))
    y0, y1 = sorted((fractions[1] * image.height, fractions[3] * image.height))
    region = image.region((x0, y0, x1, y1))
    expected = [back(complex(x, y)) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    found = region.in_source()
    assert np.allclose([complex(*point) for point in region.polygon()], expected, atol=1e-6)
    real, imag = [z.real for z in expected], [z.imag for z in expected]
    assert np.allclose(found.box, (min(real), min(imag), max(real), max(imag)), atol=1e-6)
    assert found.origin == Origin(Image(np.zeros((64, 96, 3), np.uint8)).sha)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(40, 130),
    st.integers(40, 100),
    st.lists(
        st.one_of(
            st.tuples(st.just("zoom"), st.floats(0.8, 2.0)),
            st.tuples(st.just("rotate"), st.floats(-180, 180)),
            st.tuples(st.just("crop"), st.integers(1, 8)),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_a_painted_dot_is_found_where_it_was_painted(x, y, steps):
    pixels = np.full((140, 170, 3), 255, np.uint8)
    pixels[y - 6 : y + 6, x - 6 : x + 6] = 0
    image = Image(pixels)
    for op, value in steps:
        if op == "crop":
            image = crop(image, (value, value + 1, image.width - 2, image.height - 3))
        else:
            image = zoom(image, value) if op == "zoom" else rotate(image, value)
    ink = 255.0 - image.pixels.mean(axis=2)
    ys, xs = np.mgrid[0 : image.height, 0 : image.width] + 0.5
    cx, cy = (ink * xs).sum() / ink.sum(), (ink * ys).sum() / ink.sum()
    assert apply(image.place.matrix, (cx, cy)) == pytest.approx((x, y), abs=1.0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([8000, 16000, 44100]), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4))
def test_a_span_in_a_slice_of_a_slice_maps_to_source_time(rate_hz, cuts):
    # Every sample is its own index, so the content itself says where a slice began.
    count = rate_hz * 3
    audio = Audio((np.arange(count) / count).astype(np.float32), rate_hz)
    for cut in cuts:
        start, end = sorted(value * audio.seconds for value in cut)
        audio = audio.slice(start, max(end, start + 0.02)) if start + 0.02 < audio.seconds else audio
    began_s = round(float(audio.samples[0]) * count) / rate_hz
    region = audio.region((0.004, min(0.5, audio.seconds)))
    found = region.in_source()
    assert found.span == pytest.approx((began_s + 0.004, began_s + min(0.5, audio.seconds)), abs=1e-3)
    assert found.kind == "span"
    assert found.box is None


def test_steps_and_origins_survive_json():
    step = Step("rotate", (0.1, 0.2, 1 / 3, -0.2, 0.1, 7.0), (1.0, 0.1))
    assert Step.from_json(step.to_json()) == step


@pytest.mark.parametrize("broken", [{}, {"op": "x", "matrix": [1, 2], "time": [1, 0]}, {"op": "x", "matrix": "abcdef"}])
def test_malformed_steps_are_named(broken):
    with pytest.raises(MediaError, match="malformed"):
        Step.from_json(broken)


def test_a_region_of_a_source_is_its_own_source(picture):
    region = Region(box=(1, 2, 3, 4), origin=picture.place)
    assert region.in_source() is region
    assert Region(box=(1, 2, 3, 4)).in_source().box == (1.0, 2.0, 3.0, 4.0)
    assert picture.place.matrix == IDENTITY


@pytest.mark.parametrize(
    "fields",
    [
        {"box": (3, 2, 1, 4)},
        {"box": (0, 0, float("nan"), 1)},
        {"box": (1, 2, 3)},
        {"kind": "span", "box": (0, 0, 1, 1)},
        {"kind": "span", "span": (2.0, 1.0)},
        {"kind": "mask"},
        {"kind": "blob", "box": (0, 0, 1, 1)},
        {},
    ],
)
def test_malformed_regions_are_refused(fields):
    with pytest.raises(MediaError, match="region"):
        Region(**fields)
