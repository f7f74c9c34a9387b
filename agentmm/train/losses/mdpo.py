"""Multimodal DPO (Wang et al. 2024, arXiv 2406.11839): DPO, the same against a corrupted image, and an anchor."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid

from agentmm.train.losses.dpo import dpo


def mdpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    policy_blind: Tensor,
    reference_blind: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """Three terms per pair, [B]; `*_blind` are the chosen tokens' scores with the image corrupted."""
    text = dpo(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta)
    image = dpo(policy_chosen, policy_blind, reference_chosen, reference_blind, beta)
    return text + image + anchor(policy_chosen, reference_chosen, beta)


def anchor(policy_chosen: Tensor, reference_chosen: Tensor, beta: float = 0.1) -> Tensor:
    """`-log sigmoid(beta (pc - rc))`: the chosen side must not become less likely than it was."""
    return -logsigmoid(beta * (policy_chosen - reference_chosen))
