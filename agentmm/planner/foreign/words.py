"""New words of several prompts of a foreign model in one pass, each after what its own session holds.

Caches are filled up on the left and words on the right, so what is real of a row stands in one run; what was filled up
is masked, or comes after all that is real. Whether a row then gets what it gets alone is measured (`exactness.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentmm.planner.foreign.abreast import filled, layer_like
from agentmm.planner.foreign.session import ForeignSession

SPREAD = 2
"""The longest of the words that are fed together are at most so many times as long as the shortest; ..."""

SHORT = 16
"""... and any that are no longer than this go with each other."""


class Words(NamedTuple):
    """New words of a prompt.

    Attributes:
        session: what they follow; it holds something, and its cache only grows.
        ids: token ids, length T; no medium is among them.
        positions: of the tokens, `[1, T]` or `[3, 1, T]`.
    """

    session: ForeignSession
    ids: Sequence[int]
    positions: Any


def alike(counts: Sequence[int]) -> bool:
    """Whether words of so many tokens fill one pass well."""
    return max(counts) <= max(SHORT, SPREAD * min(counts))


def feed(model: Any, fed: Sequence[Words], last_only: bool) -> list[Any]:
    """One pass over the new words of several prompts; their sessions grow once it is done.

    Args:
        model: the model.
        fed: words that are fed together.
        last_only: whether its forward pass takes `logits_to_keep`.

    Returns:
        For each the float32 logits `[V]` after its last word.
    """
    import torch

    held, counts = [len(one.session.keys) for one in fed], [len(one.ids) for one in fed]
    longest, most, device = max(held), max(counts), model.device
    whole = copy.copy(fed[0].session.cache)
    whole.layers = [
        layer_like(layer, *(filled(tensors, longest) for tensors in zip(*_parts(fed, index), strict=True)))
        for index, layer in enumerate(whole.layers)
    ]
    before, after = (torch.tensor(numbers, device=device)[:, None] for numbers in (held, counts))
    places, ends = torch.arange(longest + most, device=device), sorted(set(counts))
    out = model(
        input_ids=torch.tensor([[*one.ids, *[0] * (most - len(one.ids))] for one in fed], device=device),
        attention_mask=((places >= longest - before) & (places < longest + after)).long(),
        position_ids=torch.cat([_filled_up(one.positions, most) for one in fed], dim=-2),
        past_key_values=whole,
        use_cache=True,
        **({"logits_to_keep": torch.tensor(ends, device=device) - 1} if last_only else {}),
    )
    at = [ends.index(count) if last_only else count - 1 for count in counts]
    logits = [out.logits[row, place].float() for row, place in enumerate(at)]
    caches = _taken_apart(out.past_key_values, [(longest - a, longest + b) for a, b in zip(held, counts, strict=True)])
    for one, cache in zip(fed, caches, strict=True):
        one.session.cache, one.session.keys = cache, [*one.session.keys, *one.ids]
    return logits


def _parts(fed: Sequence[Words], index: int) -> list[tuple[Any, Any]]:
    """Keys and values of a layer of each session."""
    layers = [one.session.cache.layers[index] for one in fed]
    return [(layer.keys, layer.values) for layer in layers]


def _filled_up(positions: Any, length: int) -> Any:
    """Positions `[.., T]` with the last one again up to a length."""
    import torch

    times = length - positions.shape[-1]
    return torch.cat([positions, positions[..., -1:].expand(*positions.shape[:-1], times)], dim=-1)


def _taken_apart(whole: Any, spans: Sequence[tuple[int, int]]) -> list[Any]:
    """A cache for each row of one, in memory of its own; layer by layer, so that little is in memory twice."""
    made = [copy.copy(whole) for _ in spans]
    for cache in made:
        cache.layers = []
    for index, layer in enumerate(whole.layers):
        for row, (cache, (begin, end)) in enumerate(zip(made, spans, strict=True)):
            keys, values = (tensor[row : row + 1, :, begin:end].clone() for tensor in (layer.keys, layer.values))
            cache.layers.append(layer_like(layer, keys, values))
        whole.layers[index] = layer_like(layer, None, None)
    return made
