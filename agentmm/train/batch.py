"""Rows to tensors, and the loss of a batch; torch and numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import DynamicCache

from agentmm.model.pixels import scale_pixels
from agentmm.train.rowset import RowSet, common_prefix
from agentmm.train.stage import Stage


@dataclass
class Batch:
    """Right-padded tensors of rows that begin alike.

    Attributes:
        prefix: [1, prefix] ids that all rows begin with and none learns (the tools' signatures); computed once.
        ids: [B, T] what follows.
        weights: [B, T] of each token as a target.
        pixels: [N, 3, S, S] or None.
        tokens: tokens of the rows, prefix included, padding not.
    """

    prefix: Tensor
    ids: Tensor
    weights: Tensor
    pixels: Tensor | None
    tokens: int


def make_batch(rows: RowSet, chosen: Any, stage: Stage, image_token: int, pad: int, device: str) -> Batch:
    """Split the common beginning off and pad rows to one length; placeholders and padding are never targets."""
    picked = [rows.row(int(i)) for i in chosen]
    shared = common_prefix(picked, image_token)
    width = max(len(row.ids) for row in picked) - shared
    ids = np.full((len(picked), width), pad, np.int64)
    weights = np.zeros((len(picked), width), np.float32)
    for line, row in enumerate(picked):
        ids[line, : len(row.ids) - shared] = row.ids[shared:]
        weights[line, : len(row.ids) - shared] = np.where(np.asarray(row.mask[shared:]) > 0, 1.0, stage.other_weight)
    weights[ids == image_token] = 0.0
    numbers = [number for row in picked for number in row.images]
    pixels = torch.from_numpy(scale_pixels(rows.pixels[numbers])).to(device) if numbers else None
    prefix = torch.tensor(np.asarray(picked[0].ids[:shared], np.int64)[None], device=device)
    tokens = sum(len(row.ids) for row in picked)
    return Batch(prefix, torch.from_numpy(ids).to(device), torch.from_numpy(weights).to(device), pixels, tokens)


def hidden_states(model: Any, batch: Batch) -> Tensor:
    """[B, T, D] last states of the rows after the prefix; the prefix runs through the decoder once, gradients too."""
    features = None if batch.pixels is None else model.encode_images(batch.pixels)
    embeds = model.embed(batch.ids, features)
    decoder, width = model.decoder.model, batch.prefix.shape[1]
    if not width:
        return decoder(inputs_embeds=embeds, use_cache=False).last_hidden_state
    cache = DynamicCache(config=model.config.text_config)
    decoder(inputs_embeds=model.embed(batch.prefix), past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(len(batch.ids))
    return decoder(inputs_embeds=embeds, past_key_values=cache, use_cache=True).last_hidden_state


def batch_loss(model: Any, batch: Batch) -> Tensor:
    """Weighted mean cross-entropy in nats; logits are computed at the targets' positions only.

    Source: survey arXiv 2401.13601, eq. 2.
    """
    hidden = hidden_states(model, batch)
    weights = batch.weights[:, 1:].reshape(-1)
    places = weights.nonzero().squeeze(1)
    states = hidden[:, :-1].reshape(-1, hidden.shape[-1])[places]
    losses = F.cross_entropy(
        model.decoder.lm_head(states).float(), batch.ids[:, 1:].reshape(-1)[places], reduction="none"
    )
    kept = weights[places]
    return (losses * kept).sum() / kept.sum().clamp(min=1e-6)
