"""Rows to tensors, and the loss of a batch; torch and numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset
from transformers import DynamicCache

from agentmm.model.pixels import scale_tensor
from agentmm.train.rowset import RowSet, common_prefix
from agentmm.train.stage import Stage

_MULTIPLE, _IMAGES = 8, 64
"""A batch is padded to a multiple of so many tokens, as fast attention wants it; on a GPU the pictures to one of so
many, since a convolution is planned anew for every number of them."""


@dataclass
class Batch:
    """Right-padded tensors of rows that begin alike.

    Attributes:
        prefix: [1, prefix] ids that all rows begin with and none learns (the tools' signatures); computed once.
        ids: [B, T] what follows.
        weights: [B, T] of each token as a target.
        places: [K] of the targets that weigh anything, in `weights[:, 1:]` laid flat.
        pixels: uint8 [N, S, S, 3] or None.
        tokens: tokens of the rows, prefix included, padding not.
    """

    prefix: Tensor
    ids: Tensor
    weights: Tensor
    places: Tensor
    pixels: Tensor | None
    tokens: int

    def to(self, device: str) -> Batch:
        """The batch on a device; from pinned memory the copy goes on while the device works."""
        return self._each(lambda part: part.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in memory that a GPU copies from by itself."""
        return self._each(lambda part: part.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        pixels = None if self.pixels is None else change(self.pixels)
        prefix, ids, weights, places = (change(part) for part in (self.prefix, self.ids, self.weights, self.places))
        return Batch(prefix, ids, weights, places, pixels, self.tokens)


def make_batch(rows: RowSet, chosen: Any, stage: Stage, image_token: int, pad: int) -> Batch:
    """Split the common beginning off and pad rows to one length; placeholders and padding are never targets."""
    picked = [rows.row(int(i)) for i in chosen]
    shared = common_prefix(picked, image_token)
    longest = max(len(row.ids) for row in picked)
    width = longest + -longest % _MULTIPLE - shared
    ids = np.full((len(picked), width), pad, np.int64)
    weights = np.zeros((len(picked), width), np.float32)
    for line, row in enumerate(picked):
        ids[line, : len(row.ids) - shared] = row.ids[shared:]
        weights[line, : len(row.ids) - shared] = np.where(np.asarray(row.mask[shared:]) > 0, 1.0, stage.other_weight)
    weights[ids == image_token] = 0.0
    numbers = [number for row in picked for number in row.images]
    pixels = torch.from_numpy(np.ascontiguousarray(rows.pixels[numbers])) if numbers else None
    prefix = torch.tensor(np.asarray(picked[0].ids[:shared], np.int64)[None])
    tokens = sum(len(row.ids) for row in picked)
    places = np.flatnonzero(weights[:, 1:])
    return Batch(
        prefix, torch.from_numpy(ids), torch.from_numpy(weights), torch.from_numpy(places), pixels, tokens
    )  # fmt: skip


class Batches(Dataset[Batch]):
    """Batches by the numbers of their rows, for a `DataLoader` whose workers make them ahead.

    Args:
        rows: the rows.
        stage: gives the weight of tokens that are only read.
        image_token: id of the placeholder.
        pad: id that fills up.
    """

    def __init__(self, rows: RowSet, stage: Stage, image_token: int, pad: int) -> None:
        self._rows, self._made_of = rows, (stage, image_token, pad)

    def __getitem__(self, chosen: Any) -> Batch:
        return make_batch(self._rows, chosen, *self._made_of)


def same(batch: Batch) -> Batch:
    """What a `DataLoader` makes of a batch that is whole already."""
    return batch


def hidden_states(model: Any, batch: Batch) -> Tensor:
    """[B, T, D] last states of the rows after the prefix; the prefix runs through the decoder once, gradients too."""
    features = None if batch.pixels is None else _features(model, batch.pixels)
    embeds = model.embed(batch.ids, features)
    decoder, width = model.decoder.model, batch.prefix.shape[1]
    if not width:
        return decoder(inputs_embeds=embeds, use_cache=False).last_hidden_state
    cache = DynamicCache(config=model.config.text_config)
    decoder(inputs_embeds=model.embed(batch.prefix), past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(len(batch.ids))
    return decoder(inputs_embeds=embeds, past_key_values=cache, use_cache=True).last_hidden_state


def _features(model: Any, pixels: Tensor) -> Tensor:
    """[N, Q, D] of uint8 [N, S, S, 3]."""
    more = -len(pixels) % _IMAGES if pixels.is_cuda else 0
    padded = F.pad(pixels, (0, 0, 0, 0, 0, 0, 0, more)) if more else pixels
    return model.encode_images(scale_tensor(padded))[: len(pixels)]


def batch_loss(model: Any, batch: Batch) -> Tensor:
    """Weighted mean cross-entropy in nats; logits are computed at the targets' positions only.

    Source: survey arXiv 2401.13601, eq. 2.
    """
    hidden = hidden_states(model, batch)
    states = hidden[:, :-1].reshape(-1, hidden.shape[-1]).index_select(0, batch.places)
    targets = batch.ids[:, 1:].reshape(-1).index_select(0, batch.places)
    losses = F.cross_entropy(model.decoder.lm_head(states).float(), targets, reduction="none")
    kept = batch.weights[:, 1:].reshape(-1).index_select(0, batch.places)
    return (losses * kept).sum() / kept.sum().clamp(min=1e-6)
