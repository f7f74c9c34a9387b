"""Positions of tokens, computed from the conversation alone: nothing is read from the model's attributes."""

from __future__ import annotations

import inspect
from typing import Any

from agentmm.planner.foreign.rendering import Told


def positions_of(model: Any, told: Told) -> Any:
    """Positions of all tokens, `[1, T]`; `[3, 1, T]` (time, height, width) where the model counts pictures so."""
    import torch

    length = len(told.ids)
    plain = torch.arange(length, device=model.device)[None]
    count = _rope_index(model)
    if count is None:
        return plain
    if not any(name.startswith("image_grid") for placed in told.images for name in placed.picture.grids):
        return plain.expand(3, 1, length)
    wanted = inspect.signature(count).parameters
    kinds = {name: torch.tensor([kind], device=model.device) for name, kind in told.types().items()}
    names = {name for placed in told.images for name in placed.picture.grids}
    grids = {name: torch.cat(_grids(told, name)).to(model.device) for name in names}
    given = {name: value for name, value in (kinds | grids).items() if name in wanted}
    return count(torch.tensor([told.ids], device=model.device), **given)[0]


def next_positions(positions: Any, ahead: int, count: int) -> Any:
    """Positions of the `count` tokens that come `ahead` places (0, 1, ...) after the last, `[.., count]`."""
    import torch

    after = positions.amax() + 1 + ahead + torch.arange(count, device=positions.device)
    return after.expand(*positions.shape[:-1], count)


def _grids(told: Told, name: str) -> list[Any]:
    """The tensors of a name, in reading order."""
    return [placed.picture.grids[name] for placed in told.images if name in placed.picture.grids]


def _rope_index(model: Any) -> Any:
    """The model's own way to count positions in three dimensions; None for most."""
    inner = getattr(model, "model", None)
    return getattr(model, "get_rope_index", None) or getattr(inner, "get_rope_index", None)
