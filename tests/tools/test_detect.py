from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmm.errors import ConfigError
from agentmm.media import Image
from agentmm.tools.detect import Wish, colour_of, detect, read_wishes
from agentmm.world.drawing import COLOURS, cut, paint, stamp
from agentmm.world.scenes import SHAPES, make_scene

LABELS = ("circle", "square", "traffic light", "person")


def wish(labels: str = "", colours: str = "", sizes: str = "") -> Wish:
    return Wish(*(frozenset(part.split(",") if part else []) for part in (labels, colours, sizes)))


@pytest.mark.parametrize(
    ("what", "wishes", "unknown"),
    [
        ("red circles", [wish("circle", "red")], []),
        ("Circles, large red", [wish("circle"), wish("", "red", "large")], []),
        ("the big RED circle", [wish("circle", "red", "large")], []),
        ("red and blue circles", [wish("circle", "red"), wish("circle", "blue")], []),
        ("circles or small squares", [wish("circle"), wish("square", "", "small")], []),
        ("shapes", [wish()], []),
        ("green shapes", [wish("", "green")], []),
        ("traffic lights", [wish("traffic light")], []),
        ("people", [wish("person")], []),
        ("gray things", [wish("", "grey")], []),
        ("red dragons", [wish("", "red")], ["dragons"]),
        ("light", [wish()], ["light"]),
    ],
)
def test_reading_what_is_wanted(what: str, wishes: list[Wish], unknown: list[str]) -> None:
    assert read_wishes(what, LABELS) == (wishes, unknown)


def picture(*pieces: tuple[str, str, float, tuple[float, float]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    pixels = np.full((256, 256, 3), 235, np.uint8)
    boxes = []
    for shape, colour, side, centre in pieces:
        mark = stamp(cut(shape, side, centre))
        paint(pixels, mark, COLOURS[colour])
        boxes.append(mark.box)
    return pixels, np.array(boxes, np.float64)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("shape", SHAPES)
def test_colour_of_a_lone_shape(shape: str, colour: str) -> None:
    pixels, boxes = picture((shape, colour, 24, (60, 60)))
    assert colour_of(pixels, boxes, 0) == colour


def test_colours_of_shapes_on_one_another() -> None:
    pixels, boxes = picture(("square", "blue", 90, (100, 100)), ("star", "red", 28, (100, 100)))
    assert [colour_of(pixels, boxes, k) for k in (0, 1)] == ["blue", "red"]
    pixels, boxes = picture(("circle", "green", 50, (100, 100)), ("square", "purple", 50, (135, 100)))
    assert [colour_of(pixels, boxes, k) for k in (0, 1)] == ["green", "purple"]


def test_colour_of_a_box_at_the_edge() -> None:
    pixels = np.full((4, 4, 3), 255, np.uint8)
    assert colour_of(pixels, np.array([[3.9, 3.9, 4.0, 4.0]]), 0) == "white"


def plain_scene() -> Image:
    pixels, _ = picture(
        ("circle", "red", 26, (40, 60)),
        ("circle", "red", 80, (120, 160)),
        ("square", "blue", 48, (200, 60)),
        ("heart", "green", 48, (210, 200)),
    )
    return Image(pixels)


def ask(image: Image, what: str = "", **options: Any) -> dict[str, Any]:
    return dict(detect.with_options(**options).call(image=image, what=what).value)


def test_everything_with_tallies() -> None:
    told = ask(plain_scene())
    assert list(told) == ["count", "labels", "colours", "found"]
    assert told["count"] == 4
    assert told["labels"] == {"circle": 2, "heart": 1, "square": 1}
    assert told["colours"] == {"red": 2, "blue": 1, "green": 1}
    lines = [region.text for region in told["found"]]
    assert [line.rsplit(" ", 1)[0] for line in lines] == [
        "red circle small",
        "red circle large",
        "blue square medium",
        "green heart medium",
    ]
    x, y = (int(number) for number in lines[0].rsplit(" ", 1)[1].split(","))
    assert abs(x - 40) <= 2
    assert abs(y - 60) <= 2


@pytest.mark.parametrize(
    ("what", "count"),
    [("red circles", 2), ("large red circle", 1), ("hearts", 1), ("blue", 1), ("medium shapes", 2), ("stars", 0)],
)
def test_filters(what: str, count: int) -> None:
    told = ask(plain_scene(), what)
    assert list(told) == ["count", "found"]
    assert told["count"] == len(told["found"]) == count


def test_unknown_words_are_named_and_count_nothing() -> None:
    assert ask(plain_scene(), "red dragon") == {"count": 0, "unknown": ["dragon"], "found": []}


def test_regions_carry_what_an_app_needs() -> None:
    region = ask(plain_scene(), "blue squares")["found"][0]
    assert region.label == "square"
    assert region.attributes == {"colour": "blue", "size": "medium"}
    assert 0 < region.score <= 1
    assert region.box == pytest.approx((176, 36, 224, 84), abs=3)
    assert region.origin is not None


def test_counts_of_generated_scenes() -> None:
    """Most shape counts of generated scenes are right: far above chance, below perfect."""
    right = []
    for seed in range(24):
        scene = make_scene(np.random.default_rng([99, seed]))
        told = ask(Image(scene.pixels))["labels"]
        right += [told.get(shape, 0) == scene.count(shape) for shape in SHAPES]
    assert np.mean(right) > 0.9


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 700), (1500, 900), (320, 240)])
def test_any_size_of_picture(width: int, height: int) -> None:
    told = ask(Image(np.full((height, width, 3), 230, np.uint8)))
    assert told["count"] == len(told["found"])


def test_size_words_do_not_depend_on_the_scale() -> None:
    doubled = Image(plain_scene().pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert [r.attributes["size"] for r in ask(doubled)["found"]] == ["small", "large", "medium", "medium"]


def test_threads_get_equal_answers() -> None:
    images = [plain_scene(), Image(np.full((90, 300, 3), 240, np.uint8))] * 4
    alone = [[r.text for r in ask(image)["found"]] for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: [r.text for r in ask(image)["found"]], images)) == alone


def test_other_ultralytics_networks_by_description() -> None:
    told = ask(plain_scene(), weights="yolo11n.yaml", confidence=0.99)
    assert told["count"] == len(told["found"])


def test_weights_that_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    with pytest.raises(ConfigError, match="no such detector weights"):
        ask(plain_scene(), weights="nowhere.pt")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="cannot load these weights"):
        ask(plain_scene(), weights=str(broken))
