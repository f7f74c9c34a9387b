"""Single steps give what the decoder's own forward gives, go on after any cache, and notice other weights."""

from __future__ import annotations

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from agentmm.model.single_steps import SingleSteps

IDS = torch.tensor([[5, 9, 2, 40, 7, 7, 31, 12, 3, 26]])


def small(**changed):
    torch.manual_seed(3)
    config = Qwen3Config(
        vocab_size=48, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=64, **changed,
    )  # fmt: skip
    decoder = Qwen3ForCausalLM(config).eval()
    with torch.no_grad():  # norms of ones would hide a norm that was folded wrongly
        for name, parameter in decoder.named_parameters():
            if "norm" in name:
                parameter.copy_(torch.rand_like(parameter) + 0.5)
    return decoder


@pytest.mark.parametrize("known", [1, 4, 9])
@pytest.mark.parametrize("tied", [True, False])
def test_steps_equal_the_forward_of_the_whole(known, tied):
    decoder = small(tie_word_embeddings=tied)
    with torch.inference_mode():
        whole = decoder(input_ids=IDS)
        first = decoder(input_ids=IDS[:, :known], use_cache=True)
        layers = [(layer.keys, layer.values) for layer in first.past_key_values.layers]
        running = SingleSteps.of(decoder).begin(layers, room=12)
        for at in range(known, IDS.shape[1]):
            logits = running.step(decoder.get_input_embeddings()(IDS[0, at]))
            torch.testing.assert_close(logits, whole.logits[0, at], atol=1e-5, rtol=1e-5)
    expected = decoder(input_ids=IDS, use_cache=True).past_key_values.layers
    assert running.length == IDS.shape[1]
    for (keys, values), layer in zip(running.layers, expected, strict=True):
        torch.testing.assert_close(keys, layer.keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(values, layer.values, atol=1e-5, rtol=1e-5)


def test_what_went_before_is_left_alone():
    """Two sequences go on from one cache, each as if alone."""
    decoder = small()
    with torch.inference_mode():
        first = decoder(input_ids=IDS[:, :4], use_cache=True)
        layers = [(layer.keys, layer.values) for layer in first.past_key_values.layers]
        before = [keys.clone() for keys, _ in layers]
        steps, embed = SingleSteps.of(decoder), decoder.get_input_embeddings()
        one, two = steps.begin(layers, 2), steps.begin(layers, 2)
        one.step(embed(torch.tensor(1)))
        here = two.step(embed(IDS[0, 4]))
        torch.testing.assert_close(here, decoder(input_ids=IDS[:, :5]).logits[0, -1], atol=1e-5, rtol=1e-5)
        assert all(torch.equal(keys, old) for (keys, _), old in zip(layers, before, strict=True))


def test_changed_weights_are_noticed():
    decoder = small()
    steps = SingleSteps.of(decoder)
    assert steps.current
    with torch.no_grad():
        decoder.model.layers[1].mlp.up_proj.weight.mul_(1.5)
    assert not steps.current


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft still asks for it
def test_other_shapes_have_no_single_steps():
    from peft import LoraConfig, get_peft_model

    assert SingleSteps.of(small(attention_bias=True)) is None
    assert SingleSteps.of(small().to(torch.bfloat16)) is None
    assert SingleSteps.of(torch.nn.Linear(2, 2)) is None
    adapted = get_peft_model(small(), LoraConfig(target_modules=["q_proj"], r=2))
    assert SingleSteps.of(adapted.base_model.model) is None
