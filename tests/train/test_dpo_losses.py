"""One worked pair, log-probs of three tokens a side.

chosen: policy -1, -0.5, -0.4, reference -1.2, -0.6, -0.5; rejected: policy -0.8, -1.5, -0.4, reference -0.7, -1, -0.3.
pc = -1.9, rc = -2.3, pr = -2.7, rr = -2.0, margin (pc - rc) - (pr - rr) = 0.4 + 0.7 = 1.1.
"""

import math

import pytest
import torch

from agentmm.train.dpo import pair_losses
from agentmm.train.losses.ddpo import changed_weights
from agentmm.train.losses.dpo import dpo
from agentmm.train.losses.mdpo import mdpo
from agentmm.train.losses.score import sequence_score, token_logps

POLICY = torch.tensor([[-1.0, -0.5, -0.4], [-0.8, -1.5, -0.4]], dtype=torch.float64)
REFERENCE = torch.tensor([[-1.2, -0.6, -0.5], [-0.7, -1.0, -0.3]], dtype=torch.float64)
ONES = torch.ones(2, 3, dtype=torch.float64)


def softplus(value):
    return math.log1p(math.exp(value))


def test_dpo_is_the_softplus_of_the_margin():
    losses, margins = pair_losses(POLICY, REFERENCE, ONES, beta=0.1)
    assert margins.item() == pytest.approx(1.1)
    assert losses.item() == pytest.approx(0.6396589, abs=1e-7)
    assert losses.item() == pytest.approx(softplus(-0.11))


def test_sft_term_adds_the_chosen_score():
    """RLAIF-V with weight 0.1 adds 0.1 * 1.9."""
    losses, _ = pair_losses(POLICY, REFERENCE, ONES, beta=0.1, sft=0.1)
    assert losses.item() == pytest.approx(0.8296589, abs=1e-7)


def test_mdpo_has_three_terms():
    """With the image corrupted the chosen tokens score -3.0 (policy) and -2.7 (reference)."""
    scores = [torch.tensor([value], dtype=torch.float64) for value in (-1.9, -2.7, -2.3, -2.0, -3.0, -2.7)]
    assert mdpo(*scores, beta=0.1).item() == pytest.approx(0.6396589 + 0.6587596 + 0.6733472, abs=1e-6)


def test_ddpo_weighs_the_changed_token():
    """Token 2 weighs 1.1 on both sides."""
    weights = torch.tensor([[1.0, 1.1, 1.0]] * 2, dtype=torch.float64)
    policy, reference = (sequence_score(logps, weights).chunk(2) for logps in (POLICY, REFERENCE))
    assert dpo(*policy, *reference, beta=0.1).item() == pytest.approx(0.6368282, abs=1e-7)


def test_changed_weights_follow_the_diff():
    """1 2 3 stay, 4 becomes 9, 5 6 7 stay; the 8 that only one side has is no change."""
    assert changed_weights([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 9, 5, 6, 7, 8], 5.0) == (
        [1, 1, 1, 5, 1, 1, 1],
        [1, 1, 1, 5, 1, 1, 1, 1],
    )


def test_a_short_match_counts_as_changed():
    """Blocks shorter than 3 tokens are dropped, so a lone equal token between two changes changes too."""
    weights = changed_weights([1, 2, 3, 4, 8, 5, 1, 2, 3], [1, 2, 3, 6, 8, 7, 1, 2, 3], 2.0)
    assert weights[0] == weights[1] == [1, 1, 1, 2, 2, 2, 1, 1, 1]


def test_masked_tokens_move_nothing():
    masked = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
    changed = POLICY.clone()
    changed[:, 0] = -7.0
    assert torch.equal(pair_losses(POLICY, REFERENCE, masked)[0], pair_losses(changed, REFERENCE, masked)[0])


def test_token_logps_are_of_the_token_itself():
    """Two tokens at even odds: log 0.5 each, and 0 for the first, which nothing predicts."""
    logps = token_logps(torch.zeros(1, 3, 2), torch.tensor([[0, 1, 0]]))
    assert torch.allclose(logps, torch.tensor([[0.0, math.log(0.5), math.log(0.5)]]))
