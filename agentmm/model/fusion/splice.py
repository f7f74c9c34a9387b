"""Splice: projected tokens replace the embeddings of their placeholders, in order."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agentmm.errors import ConfigError
from agentmm.model.config import MultimodalConfig


def splice(embeds: Tensor, ids: Tensor, features: Tensor, token_id: int) -> Tensor:
    """Put features where `ids` holds the placeholder.

    Args:
        embeds: [B, T, D] embeddings of `ids`.
        ids: [B, T] token ids.
        features: [N, Q, D]: Q tokens for each of N images, in reading order over the batch's rows.
        token_id: the placeholder's id.

    Returns:
        [B, T, D]; gradients flow into `features`.

    Raises:
        ConfigError: the number of placeholders is not N * Q.
    """
    mask, tokens = ids == token_id, features.shape[0] * features.shape[1]
    if mask.is_cuda and torch.is_grad_enabled():
        return _unwaited(embeds, mask, features)
    places = int(mask.sum())
    if places != tokens:
        raise ConfigError(
            "image placeholders and features differ in number", got=places, expected=f"{tokens} placeholders"
        )
    return embeds.masked_scatter(mask.unsqueeze(-1), features.to(embeds.dtype))


def _unwaited(embeds: Tensor, mask: Tensor, features: Tensor) -> Tensor:
    """The same without waiting for the device, neither here nor in the backward pass; what does not fit ends there."""
    flat = features.flatten(0, 1).to(embeds.dtype)
    torch.ops.aten._assert_async.msg(mask.sum() == len(flat), "image placeholders and features differ in number")
    which = (mask.flatten().cumsum(0) - 1).clamp(0, len(flat) - 1).view_as(mask)
    return torch.where(mask.unsqueeze(-1), torch.nn.functional.embedding(which, flat), embeds)


def build(config: MultimodalConfig) -> Callable[[Tensor, Tensor, Tensor, int], Tensor]:
    """The fusion function (it has no weights)."""
    return splice
