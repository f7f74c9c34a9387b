"""Attention in groups gives what the library's gives, and is taken where that was measured."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from agentmm.planner.foreign.attention import FEW, NAME, group, grouped, ungroup
from agentmm.planner.foreign.exactness import measure
from tests.foreign.checkpoints import FAMILIES

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.mark.parametrize("count", [1, 3, FEW, FEW + 1])
@pytest.mark.parametrize("masked", ["bool", "float", "", "per head"])
@pytest.mark.parametrize("batch", [1, 2])
def test_it_gives_what_the_library_gives(count, masked, batch):
    draw = torch.Generator().manual_seed(count)
    query = torch.randn(batch, count, 6, 4, generator=draw).transpose(1, 2)
    key, value = (torch.randn(batch, 2, 20, 4, generator=draw)[:, :, : 9 + count] for _ in "kv")
    mask = torch.ones(batch, 6 if masked == "per head" else 1, count, 9 + count, dtype=torch.bool).tril(9)
    mask[:, :, :, 0] = False
    if masked == "per head":
        mask[:, 1, :, 2] = False
    if masked == "float":
        mask = torch.zeros(mask.shape).masked_fill(~mask, -1e30)
    module: Any = SimpleNamespace(num_key_value_groups=3, is_causal=True)
    given: dict[str, Any] = {"scaling": 0.7, "position_ids": None}
    got, weights = grouped(module, query, key, value, mask if masked else None, **given)
    want, _ = sdpa_attention_forward(module, query, key, value, mask if masked else None, **given)
    assert weights is None
    assert got.is_contiguous()
    torch.testing.assert_close(got, want)


def test_what_it_does_not_know_goes_the_librarys_way():
    query, key = torch.randn(1, 6, 1, 4), torch.randn(1, 2, 5, 4)
    with pytest.raises(ValueError, match="softcap"):
        grouped(SimpleNamespace(num_key_value_groups=3), query, key, key, None, softcap=2.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_whose_heads_share_keys_attend_in_groups(family, planner):
    chat = planner(family)
    words, measured = chat.model.config.get_text_config(), chat.exactness
    shared = words.num_key_value_heads < words.num_attention_heads
    assert measured.grouped == (shared and measured.exact)
    assert (words._attn_implementation == NAME) == measured.grouped


def test_a_model_whose_attention_is_wrong_then_keeps_its_own(planner, monkeypatch):
    chat = planner("qwen2_5_vl")
    model = copy.deepcopy(chat.model)
    ungroup(model)
    own = model.forward

    def forward(**given):
        out = own(**given)
        out.logits = out.logits + (model.config.get_text_config()._attn_implementation == NAME and given["use_cache"])
        return out

    monkeypatch.setattr(model, "forward", forward)
    found = measure(model, chat.pictures, chat.spelling)
    assert (found.exact, found.grouped) == (True, False)
    assert group(model)
    assert ungroup(model)
    assert not ungroup(model)
