"""The one core of the DPO family: a sequence's score is a weighted sum of its tokens' log-probabilities."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad


def token_logps(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probability of each token given the ones before.

    Args:
        logits: [B, T, V], of the positions that predict the next token.
        ids: [B, T].

    Returns:
        [B, T] float32, nats; 0 at the first position, which nothing predicts.
    """
    logits = logits[:, :-1].float()
    chosen = logits.gather(-1, ids[:, 1:, None]).squeeze(-1) - logits.logsumexp(-1)
    return pad(chosen, (1, 0))


def sequence_score(logps: Tensor, weights: Tensor) -> Tensor:
    """`sum_t w_t logp_t`.

    Args:
        logps: [B, T].
        weights: [B, T]; 0 for what the planner did not write.

    Returns:
        [B].
    """
    return (logps * weights).sum(-1)
