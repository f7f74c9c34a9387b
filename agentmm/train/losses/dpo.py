"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290, eq. 7)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid


def dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """`-log sigmoid(beta ((pc - rc) - (pr - rr)))` per pair.

    Args:
        policy_chosen: scores under the trained model, [B] (see `sequence_score`).
        policy_rejected: [B].
        reference_chosen: scores under the frozen reference, [B].
        reference_rejected: [B].
        beta: how strongly the policy is held to the reference.

    Returns:
        Losses [B], nats.
    """
    margin = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)
    return -logsigmoid(beta * margin)
