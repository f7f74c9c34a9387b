"""How far alignment moved a model, and the control with the sides of the pairs swapped."""

from __future__ import annotations

import copy

import pytest
import torch

from agentmm.train.dpo import Recipe, train_dpo
from agentmm.train.dpo_main import swapped
from agentmm.train.reference import reference_logps
from agentmm.train.shift import shift
from tests.train.test_dpo_training import PLAIN, TOOLS, row, tiny

ROWS = [*PLAIN, TOOLS]


def test_a_model_has_not_moved_from_itself():
    model = tiny(1)
    found = shift(ROWS, model, copy.deepcopy(model), reference_logps(ROWS, model, None), None)
    assert found == {"margin_grew": 0.0, "kl": 0.0}


def test_the_divergence_is_that_of_the_formula_over_what_the_planner_wrote():
    model, reference = tiny(1), tiny(2)
    found = shift([TOOLS], model, reference, reference_logps([TOOLS], reference, None), None)
    total, tokens = 0.0, 0
    for side in ("chosen", "rejected"):
        ids, mask = TOOLS["prompt_ids"] + TOOLS[f"{side}_ids"], [0] * 5 + TOOLS[f"{side}_mask"]
        with torch.no_grad():
            own, old = (
                torch.log_softmax(net(torch.tensor([ids])).logits[0].double(), -1) for net in (model, reference)
            )
        for place in range(1, len(ids)):
            if mask[place]:
                total += float((own[place - 1].exp() * (own[place - 1] - old[place - 1])).sum())
                tokens += 1
    assert found["kl"] == pytest.approx(total / tokens, abs=2e-6)


def test_training_makes_margins_grow_and_swapped_pairs_make_them_shrink():
    before = tiny(1)
    recipe = Recipe(lr=1e-3, epochs=8, batch=4)
    known = reference_logps(ROWS, before, None)
    for rows, grew in ((ROWS, 1.0), ([swapped(each) for each in ROWS], 0.0)):
        model = copy.deepcopy(before)
        train_dpo(rows, model, None, recipe)
        found = shift(ROWS, model, before, known, None)
        assert found["margin_grew"] == grew
        assert found["kl"] > 0


def test_swapping_changes_sides_and_nothing_else():
    given = row([1], [2, 3], [4], id="x", chosen_images=["a"], rejected_images=[])
    told = swapped(given)
    assert (told["chosen_ids"], told["rejected_ids"]) == ([4], [2, 3])
    assert (told["chosen_images"], told["rejected_images"]) == ([], ["a"])
    assert (told["prompt_ids"], told["id"]) == ([1], "x")
    assert swapped(told) == given
