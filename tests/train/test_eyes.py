"""The encoder's own stage: labels that are true, a loss over what is known, and learning."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agentmm.model.encoder.conv_vit import ConvViT
from agentmm.train.eyes import CLASSES, PRESENT, Eyes, Pictures, labelled, loss_of, told, train_eyes
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
    for (pixels, classes, present), (pixels_again, classes_again, _) in zip(first, again, strict=True):
        assert np.array_equal(pixels, pixels_again)
        assert classes == classes_again
        assert (present is not None) == (classes.get("kind") == CLASSES["kind"].index("scene"))
        assert all(0 <= number < len(CLASSES[name]) for name, number in classes.items())


def test_the_loss_counts_what_is_known_alone() -> None:
    logits = {name: torch.zeros(2, len(words)) for name, words in CLASSES.items()}
    logits["present"] = torch.zeros(2, len(PRESENT))
    classes = torch.full((2, len(CLASSES)), -1)
    present = torch.full((2, len(PRESENT)), -1.0)
    classes[0, list(CLASSES).index("turned_by")] = 2
    assert float(loss_of(logits, classes, present)) == pytest.approx(math.log(4))
    present[1] = 1.0
    assert float(loss_of(logits, classes, present)) == pytest.approx(math.log(4) + math.log(2))


def test_a_few_steps_teach_what_is_easy_to_see(tmp_path) -> None:
    pictures = Pictures(160, 1, tmp_path, 64)
    net = eyes()
    before = told(net, pictures)
    progress = train_eyes(net, Stage("eyes", {"encoder": 4e-3}, steps=60), pictures)
    after = told(net, pictures)
    assert progress.steps == 60
    assert after["kind"] > before["kind"] + 0.2
    assert after["crowd"] >= 0.9
