"""The encoder's own stage: labels that are true, a loss over what is known, and learning."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agentmm.model.encoder.conv_vit import ConvViT
from agentmm.train.eyes import CLASSES, HERE, Eyes, Pictures, drawn_here, labelled, loss_of, told, train_eyes
from agentmm.train.stage import Stage

SIZES = {"image_size": 64, "patch_size": 16, "width": 32, "layers": 1, "heads": 2, "stem": [8, 16, 16, 32]}


def eyes() -> Eyes:
    torch.manual_seed(0)
    encoder = ConvViT(**SIZES)
    torch.nn.init.normal_(encoder.position, std=0.02)
    return Eyes(encoder)


def test_pictures_have_true_labels_and_the_same_ones_for_a_seed() -> None:
    first, again = list(labelled(150, 3)), list(labelled(150, 3))
    asked = {name for _, classes, _ in first for name in classes}
    assert asked == set(CLASSES)
    drawn = {"arranged", "edged", "crowd", "halves"}
    for (pixels, classes, marks), (pixels_again, classes_again, _) in zip(first, again, strict=True):
        assert np.array_equal(pixels, pixels_again)
        assert classes == classes_again
        assert bool(marks) == (classes.get("kind") == CLASSES["kind"].index("scene") or not drawn.isdisjoint(classes))
        assert all(0 <= number < len(CLASSES[name]) for name, number in classes.items())


def test_the_loss_counts_what_is_known_alone() -> None:
    logits = {name: torch.zeros(2, len(words)) for name, words in CLASSES.items()}
    logits["here"] = torch.zeros(2, 4, len(HERE))
    classes = torch.full((2, len(CLASSES)), -1)
    here = torch.full((2, 4, len(HERE)), -1)
    classes[0, list(CLASSES).index("turned_by")] = 2
    assert float(loss_of(logits, classes, here)) == pytest.approx(math.log(4))
    here[1] = 1
    assert float(loss_of(logits, classes, here)) == pytest.approx(math.log(4) + 5 * math.log(2))


def test_what_is_drawn_here_by_hand() -> None:
    """80 x 40 px in 4 x 4 cells of 20 px: rows of cells 1 and 2 are the picture."""
    marks = [
        ("red", "circle", (0.0, 0.0, 41.0, 41.0)),
        ("blue", "star", (25.0, 5.0, 35.0, 15.0)),
        ("black", "heart", (75.0, 15.0, 95.0, 25.0)),
    ]
    here = drawn_here(marks, 80, 40, 4).reshape(4, 4, len(HERE))
    told = {
        (y, x): {HERE[i] for i in np.flatnonzero(here[y, x])} for y in range(4) for x in range(4) if here[y, x].any()
    }
    red = {"something", "red", "circle"}
    assert told == {
        **{(1, 0): red, (2, 0): red, (2, 1): red},
        (1, 1): {"something", "blue", "star"},
        (2, 3): {"something", "black", "heart"},
    }


def test_a_few_steps_teach_what_is_easy_to_see(tmp_path) -> None:
    pictures = Pictures(160, 1, tmp_path, 64, grid=4)
    net = eyes()
    before = told(net, pictures)
    progress = train_eyes(net, Stage("eyes", {"encoder": 4e-3}, steps=60), pictures)
    after = told(net, pictures)
    assert progress.steps == 60
    assert after["kind"] > before["kind"] + 0.2
    assert after["crowd"] >= 0.9


def test_many_signs_and_what_is_held_stays_where_it_was(tmp_path) -> None:
    pictures = Pictures(96, 2, tmp_path, 64, grid=4, signs=0.5)
    kind = pictures.classes[:, list(CLASSES).index("kind")]
    signs = kind == CLASSES["kind"].index("sign")
    assert 0.4 < signs.mean() < 0.7
    others = np.flatnonzero(~signs & (pictures.classes[:, list(CLASSES).index("turned")] < 0))
    moved = {}
    for hold in (0.01, 100.0):
        net = eyes()
        shown, _, _ = pictures.batch(others)
        with torch.no_grad():
            were = net.encoder(shown)
        train_eyes(net, Stage("eyes", {"encoder": 2e-3}, steps=30), pictures, hold=hold)
        with torch.no_grad():
            moved[hold] = float((net.encoder(shown) - were).square().mean())
    assert moved[100.0] < 0.5 * moved[0.01]
