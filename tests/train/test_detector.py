import json
import socket
from pathlib import Path

import numpy as np
import pytest

from agentmm.errors import TrainError
from agentmm.train.detector import Recipe, rate_at, train_detector
from agentmm.train.detector_data import SIDE_PX, batch_at, batches, sample_at, scene_at
from agentmm.train.detector_score import Found, Threshold, count_accuracy, mean_precision, overlap, pick, thinned
from agentmm.world.scenes import SHAPES, Scene, Shape


def found(boxes: list[list[float]], scores: list[float], classes: list[int]) -> Found:
    return Found(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int64))


def truth(*boxes: tuple[int, tuple[float, float, float, float]]) -> Scene:
    shapes = [Shape(SHAPES[k], "red", "small", box, (0.0, 0.0), 1.0, z) for z, (k, box) in enumerate(boxes)]
    return Scene(np.zeros((8, 8, 3), np.uint8), tuple(shapes), "plain", 0.5)


def test_overlap_by_hand() -> None:
    """Two 2x2 boxes that share 1x2: 2 / (4 + 4 - 2) = 1/3."""
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], np.float32)
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
    assert np.allclose(overlap(boxes, boxes), expected)


def test_thinned_drops_the_unsure_and_the_doubled() -> None:
    many = found([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [50, 0, 60, 10]], [0.9, 0.8, 0.7, 0.1], [0, 1, 0, 0])
    kept = thinned(many, Threshold(confidence=0.5, iou=0.6))
    assert kept.boxes[:, 0].tolist() == [0, 20]
    assert len(thinned(found([], [], []), Threshold()).scores) == 0


def test_count_accuracy_by_hand() -> None:
    """Two scenes, six shapes: one count of twelve is wrong."""
    scenes = [truth((0, (0, 0, 1, 1))), truth((1, (0, 0, 1, 1)))]
    answers = [found([[0, 0, 1, 1]], [0.9], [0]), found([], [], [])]
    assert count_accuracy(scenes, answers) == pytest.approx({"shape": 11 / 12, "scene": 0.5})


def test_mean_precision_by_hand() -> None:
    """Every class has one truth. All are found, but in class 0 a sure false alarm halves the precision.

    The mean over six classes is (0.5 + 5) / 6; boxes are exact, so it is the same at every overlap.
    """
    scenes = [truth((k, (0, 0, 10, 10))) for k in range(6)]
    answers = [found([[0, 0, 10, 10]], [0.8], [k]) for k in range(6)]
    answers[0] = found([[50, 50, 60, 60], [0, 0, 10, 10]], [0.9, 0.8], [0, 0])
    assert mean_precision(scenes, answers) == pytest.approx({"mAP50": 5.5 / 6, "mAP50-95": 5.5 / 6})


def test_a_second_box_on_one_truth_is_a_false_alarm() -> None:
    scenes = [truth((k, (0, 0, 10, 10))) for k in range(6)]
    twice = [found([[0, 0, 10, 10], [0, 0, 10, 10]], [0.9, 0.9], [k, k]) for k in range(6)]
    assert mean_precision(scenes, twice)["mAP50"] == pytest.approx(1.0)
    assert count_accuracy(scenes, twice)["scene"] == 0


def test_pick_prefers_the_head_that_counts_right() -> None:
    scenes = [truth((k, (0, 0, 10, 10))) for k in range(3)]
    right = [found([[0, 0, 10, 10]], [0.9], [k]) for k in range(3)]
    nothing = found([], [], [])
    assert pick(scenes, [{"one2one": r, "one2many": nothing} for r in right]).head == "one2one"


def test_samples_are_a_function_of_their_number() -> None:
    first, again = sample_at(7, 3), sample_at(7, 3)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.pixels, sample_at(8, 3).pixels)
    assert not np.array_equal(first.pixels, scene_at(7, 12, 3).pixels)


def test_boxes_of_samples_lie_inside() -> None:
    for index in range(40):
        sample = sample_at(1, index)
        assert sample.pixels.shape == (SIDE_PX, SIDE_PX, 3)
        assert len(sample.boxes) == len(sample.classes)
        if len(sample.boxes):
            assert sample.boxes.min() >= -0.01
            assert sample.boxes.max() <= SIDE_PX + 0.01


def test_batches_go_on_from_any_sample() -> None:
    source = batches(7, 4, 2, workers=0)
    first, second = next(source), next(source)
    assert (first.last, second.last) == (5, 7)
    assert np.array_equal(second.pixels, batch_at(7, 6, 2).pixels)
    assert first.boxes.max() <= 1
    assert set(first.owner) <= {0.0, 1.0}


def test_rate_warms_up_and_falls_to_a_hundredth() -> None:
    settings = Recipe(rate=1.0, warmup=10)
    assert rate_at(settings, 0, 0.0) == pytest.approx(0.1)
    assert rate_at(settings, 99, 0.0) == pytest.approx(1.0)
    assert rate_at(settings, 99, 0.5) == pytest.approx(0.505)
    assert rate_at(settings, 99, 1.0) == pytest.approx(0.01)


SMALL = Recipe(batch=2, workers=0)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("offline")
def test_a_short_training_writes_weights_and_goes_on(tmp_path: Path) -> None:
    manifest = train_detector(0.01, tmp_path, device="cpu", settings=SMALL, score=False)
    steps, minutes = manifest["recipe"]["steps"], manifest["recipe"]["minutes"]
    assert steps >= 1
    assert manifest["classes"] == list(SHAPES)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest
    assert (tmp_path / "model.safetensors").stat().st_size < 6e6
    longer = train_detector(minutes + 0.02, tmp_path, device="cpu", settings=SMALL, score=False)
    assert longer["recipe"]["steps"] > steps
    assert not list(tmp_path.glob("*part"))
    with pytest.raises(TrainError, match="another seed"):
        train_detector(0.01, tmp_path, device="cpu", settings=Recipe(seed=8, workers=0), score=False)


@pytest.mark.usefixtures("offline")
def test_bad_starts_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no time to train in; got 0"):
        train_detector(0, tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK nonsense")
    with pytest.raises(TrainError, match=r"cannot be read.*rm "):
        train_detector(0.01, tmp_path, device="cpu", settings=SMALL)
