"""A decoder that can copy before it has learnt anything: an induction circuit as the starting point of training.

Copying what a tool has said is most of a planner's work, and it forms late: after a million tokens of drills nano still
copied one token in three (`docs/log.md`). The circuit is known (arXiv 2209.11895), so it is written into two heads: the
first layer's head 0 looks at the previous token and notes it; the second layer's head 0 looks for the place whose
previous token is the present one, and says what stands there. All of it is trained further like any other weight.
What the layers add to the residual stream starts at zero elsewhere, so that the circuit reads clean embeddings.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_FAST_PAIRS = 8
"""Rotary pairs that tell neighbours apart."""

_SHARP = 2.5
"""Scale of queries and keys in the previous-token head."""

_SPREAD = 0.5
"""Standard deviation of embeddings: what layers write in their first steps must not drown what token it is."""

_MATCH = 1.7
"""Scale of queries and keys where contents are matched."""


@torch.no_grad()
def seed_induction(decoder: Any, seed: int = 0) -> None:
    """Write the circuit into a fresh Qwen3-shaped decoder with at least two layers.

    Args:
        decoder: a causal LM with rotary positions and normalised queries and keys.
        seed: of the random directions that carry contents.
    """
    config, layers = decoder.config, decoder.model.layers
    width, size = config.hidden_size, config.head_dim
    half = size // 2
    slow = list(range(half * 5 // 8, half))
    slow += [index + half for index in slow]  # pairs that turn too slowly to disturb a match
    basis = torch.linalg.qr(torch.randn(width - 1, width - 1, generator=torch.Generator().manual_seed(seed)))[0]
    content, noted = _directions(basis, 0, len(slow), width), _directions(basis, len(slow), len(slow), width)
    spoken = _directions(basis, 2 * len(slow), min(size, width - 1 - 2 * len(slow)), width)
    for layer in layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    embeddings = decoder.get_input_embeddings().weight
    embeddings *= _SPREAD / config.initializer_range
    embeddings[:, -1] = 3 * _SPREAD  # the one direction that all tokens share
    decoder.model.norm.weight.fill_(0.4 / (_SPREAD * width**0.5))
    scale = _SPREAD * math.sqrt(width)
    _previous_token_head(layers[0].self_attn, size, scale, content, noted, config.rope_parameters["rope_theta"])
    _matching_head(layers[1].self_attn, size, scale, slow, content, noted, spoken)


def _directions(basis: Tensor, start: int, count: int, width: int) -> Tensor:
    """Orthonormal rows without the shared direction, [count, width]."""
    rows = torch.zeros(count, width)
    rows[:, : width - 1] = basis[start : start + count]
    return rows


def _previous_token_head(attention: Any, size: int, scale: float, content: Tensor, noted: Tensor, theta: float) -> None:
    """Query and key depend on positions alone and fit best one step back; the value goes to `noted` directions."""
    half, count = size // 2, len(content)
    fast = torch.arange(_FAST_PAIRS)
    angles = theta ** (-fast / half)
    query, key = torch.zeros(size), torch.zeros(size)
    query[fast] = 1.0
    key[fast], key[fast + half] = angles.cos(), angles.sin()
    for projection, direction in ((attention.q_proj, query), (attention.k_proj, key)):
        projection.weight[:size] = 0.0
        projection.weight[:size, -1] = direction
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight[fast], norm.weight[fast + half] = _SHARP, _SHARP
    attention.v_proj.weight[:size] = 0.0
    attention.v_proj.weight[:count] = content
    attention.o_proj.weight[:, :count] = 1.5 * scale / math.sqrt(count) * noted.T


def _matching_head(
    attention: Any, size: int, scale: float, slow: list[int], content: Tensor, noted: Tensor, spoken: Tensor
) -> None:
    """The present token's content as query, the noted one as key; the value is said again."""
    for projection, rows in ((attention.q_proj, content), (attention.k_proj, noted)):
        projection.weight[:size] = 0.0
        projection.weight[slow] = rows
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight[slow] = _MATCH
    attention.v_proj.weight[:size] = 0.0
    attention.v_proj.weight[: len(spoken)] = spoken
    attention.o_proj.weight[:, : len(spoken)] = 5 * scale / math.sqrt(len(spoken)) * spoken.T
