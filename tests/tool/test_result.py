"""Results: stable JSON, media as handles."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest
from pydantic import BaseModel

from agentmm.errors import ToolError
from agentmm.media import Handles, Image, MediaStore, Region
from agentmm.tool import error_observation, record_result, stable_json
from agentmm.tool.result import as_dict, plain, size_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 12.50, "b": 2.0}, '{"a": 12.5, "b": 2}'),
        ([1 / 3, 1234567.891234567, 1e-7 / 3], "[0.333333, 1234567.891235, 3.33333e-08]"),
        ({"é": True, "n": None}, '{"é": true, "n": null}'),
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
    ],
)
def test_stable_json(value, text):
    assert stable_json(value) == text


class Colour(Enum):
    RED = "red"


@dataclass
class Pair:
    left: int
    right: Fraction


class Model(BaseModel):
    colour: Colour
    pairs: tuple[Pair, ...]
    sizes: list[float]


def test_models_dataclasses_arrays_and_enums_become_json():
    model = Model(colour=Colour.RED, pairs=(Pair(1, Fraction(1, 4)),), sizes=[0.5])
    assert plain(model) == {"colour": "red", "pairs": [{"left": 1, "right": 0.25}], "sizes": [0.5]}
    assert plain({"n": np.int64(3), "a": np.array([[1, 2]]), "d": Decimal("1.5")}) == {"n": 3, "a": [[1, 2]], "d": 1.5}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, b"x", {"a"}, object])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(ToolError):
        plain(value)


def test_scalars_and_media_become_dicts():
    image = Image(np.zeros((1, 1, 3), np.uint8))
    assert as_dict(3) == {"result": 3}
    assert as_dict(image) == {"image": image}


def test_size_counts_pixels_and_text():
    image = Image(np.zeros((100, 100, 3), np.uint8))
    assert 30_000 < size_of({"a": [image, "x" * 1000]}) - 1000 < 30_200


def test_media_are_stored_and_numbered_in_order(tmp_path):
    store = MediaStore(tmp_path)
    image = Image(np.arange(300, dtype=np.uint8).reshape(10, 10, 3))
    handles = Handles({"image_1": store.add(image), "region_4": {"kind": "region", "of": None}})
    value = {
        "count": 2,
        "found": [image.region((1, 2, 3, 4), text="red\n circle"), image.region((5, 5, 9, 9))],
        "image": Image(image.pixels[:5]),
    }
    recorded = record_result(value, handles, store, of="image_1")
    assert recorded.text == '{"count": 2, "found": ["region_5 red circle", "region_6"], "image": "image_2"}'
    assert list(recorded.made) == ["region_5", "region_6", "image_2"]
    assert recorded.made["region_5"]["of"] == "image_1"
    assert recorded.made["region_5"]["box"] == [1, 2, 3, 4]
    assert recorded.seen == ["image_2"]
    assert np.array_equal(store.get(recorded.made["image_2"]).pixels, image.pixels[:5])


def test_a_region_without_origin_lies_in_the_medium_that_was_given(tmp_path):
    store = MediaStore(tmp_path)
    handles = Handles({"image_1": store.add(Image(np.zeros((10, 10, 3), np.uint8)))})
    recorded = record_result(Region(box=(0, 0, 4, 4)), handles, store, of="image_1")
    assert recorded.value == {"region": "region_1"}
    assert recorded.made["region_1"]["of"] == "image_1"


def test_a_result_too_long_to_read_is_refused(tmp_path):
    with pytest.raises(ToolError, match="too long to read"):
        record_result({"a": "x" * 300_000}, Handles(), MediaStore(tmp_path))


def test_error_observation_is_one_line():
    assert error_observation(ToolError("a\n b")) == '{"error": "a b"}'
