"""Splice: features take the places of placeholders, also on the way that never waits for a device."""

from __future__ import annotations

import pytest
import torch

from agentmm.errors import ConfigError
from agentmm.model.fusion.splice import _unwaited, splice

IDS = torch.tensor([[1, 6, 6, 2], [6, 6, 3, 4]])


def test_features_stand_where_the_placeholders_were() -> None:
    embeds, features = torch.zeros(2, 4, 3), torch.arange(12.0).view(2, 2, 3)
    put = splice(embeds, IDS, features, 6)
    assert put[0, 1].tolist() == [0, 1, 2]
    assert put[1, 1].tolist() == [9, 10, 11]
    assert not put[1, 2:].any()
    with pytest.raises(ConfigError, match="differ in number"):
        splice(embeds, IDS, features[:1], 6)


def test_the_way_that_does_not_wait_gives_the_same_values_and_gradients() -> None:
    torch.manual_seed(0)
    told = []
    for way in (lambda e, f: splice(e, IDS, f, 6), lambda e, f: _unwaited(e, IDS == 6, f)):
        embeds = torch.ones(2, 4, 3, requires_grad=True)
        features = torch.arange(12.0).view(2, 2, 3).requires_grad_()
        put = way(embeds, features)
        (put * torch.arange(24.0).view(2, 4, 3)).sum().backward()
        told.append((put.detach(), embeds.grad, features.grad))
    for waited, unwaited in zip(*told, strict=True):
        assert torch.equal(waited, unwaited)
    with pytest.raises(RuntimeError, match="differ in number"):
        _unwaited(torch.ones(2, 4, 3), IDS == 6, torch.ones(1, 2, 3))
