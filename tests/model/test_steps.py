"""Steps give what the decoder's own forward gives, go on after any cache, forget guesses, and notice other weights."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

import agentmm.model.steps as steps_module
from agentmm.model.steps import Steps, matrix, together

IDS = torch.tensor([[5, 9, 2, 40, 7, 7, 31, 12, 3, 26]])


def small(*, half=False, **changed):
    """A random decoder; with `half`, of weights that float16 holds exactly."""
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
            if half:
                parameter.copy_(parameter.half())
    return decoder


def read(decoder, count):
    """Keys and values of the first tokens, by the decoder itself."""
    cache = decoder(input_ids=IDS[:, :count], use_cache=True).past_key_values
    return [(layer.keys, layer.values) for layer in cache.layers]


@pytest.mark.parametrize("counts", [(1, 9), (4, 1, 1, 1, 1, 1, 1), (4, 3, 1, 2), (9, 1)])
@pytest.mark.parametrize("changed", [{}, {"tie_word_embeddings": True}, {"half": True}])
def test_steps_equal_the_forward_of_the_whole(counts, changed):
    decoder, known = small(**changed), counts[0]
    with torch.inference_mode():
        whole = decoder(input_ids=IDS)
        running = Steps.of(decoder).begin(read(decoder, known), room=12)
        for count in counts[1:]:
            at = running.length
            logits = running.step(IDS[0, at : at + count].tolist())
            torch.testing.assert_close(logits, whole.logits[0, at : at + count], atol=1e-5, rtol=1e-5)
        assert running.length == IDS.shape[1]
        for found, expected in zip(running.layers, read(decoder, IDS.shape[1]), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_what_was_fed_in_vain_is_forgotten():
    """Two of three guesses go; the right token comes in their place."""
    decoder = small()
    with torch.inference_mode():
        running = Steps.of(decoder).begin(read(decoder, 4), room=12)
        running.step([*IDS[0, 4:6].tolist(), 30, 30])
        running.keep(6)
        logits = running.step(IDS[0, 6:].tolist())
        torch.testing.assert_close(logits, decoder(input_ids=IDS).logits[0, 6:], atol=1e-5, rtol=1e-5)
        for found, expected in zip(running.layers, read(decoder, IDS.shape[1]), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("half", [False, True])
def test_prompts_that_are_fed_together_get_what_each_gets_alone(half):
    """From nothing, after 4 tokens and after 2, 7, 3 and 1 more: to the bit where weights are in float16."""
    decoder = small(half=half)
    with torch.inference_mode():
        steps = Steps.of(decoder)
        spans = [(0, 7), (4, 7), (2, 3)]

        def begun(start):
            return steps.begin(read(decoder, start) if start else [], 9)

        fed = [(begun(start), decoder.model.embed_tokens(IDS[0, start:end])) for start, end in spans]
        rows = together(fed, last=True)
        for (running, _), row, (start, end) in zip(fed, rows, spans, strict=True):
            (alone,) = together([(own := begun(start), IDS[0, start:end].tolist())], last=True)
            assert row.shape == alone.shape == (1, 48)
            exact = half and torch.backends.quantized.engine != "none"
            torch.testing.assert_close(row, alone, atol=0 if exact else 1e-5, rtol=0 if exact else 1e-5)
            torch.testing.assert_close(row, decoder(input_ids=IDS[:, :end]).logits[0, -1:], atol=1e-5, rtol=1e-5)
            assert (running.length, running.bytes) == (end, 2 * 3 * 2 * end * 16 * 4)  # K and V, layers, heads, width
            torch.testing.assert_close(running.layers, own.layers, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(running.layers, read(decoder, end), atol=1e-5, rtol=1e-5)
        follow = IDS[0, 3:5].tolist()
        expected = decoder(input_ids=IDS[:, :5]).logits[0, 3:]
        torch.testing.assert_close(fed[2][0].step(follow), expected, atol=1e-5, rtol=1e-5)


def test_what_is_shared_lies_in_the_sequence_and_stays_as_it_was():
    """Three tokens are shared; two more are fed into the same memory, and change none of them."""
    decoder = small()
    with torch.inference_mode():
        running = Steps.of(decoder).begin([], 6)
        running.step([5, 9, 2])
        shared, alone = running.shared, running.layers
        running.step([40, 7])
        torch.testing.assert_close(shared, alone, atol=0, rtol=0)
        assert shared[0][0].data_ptr() == running.shared[0][0].data_ptr() != alone[0][0].data_ptr()


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_lanes_give_what_one_pass_gives(monkeypatch, half, last):
    """Four sequences of several lengths in two lanes: to the bit where weights are in float16."""
    decoder, before = small(half=half), torch.get_num_threads()
    monkeypatch.setattr("agentmm.model.steps.LANE_WORK", 1)
    spans, found, parts = [(0, 7), (2, 3), (4, 6), (0, 1)], [], []
    lanes = steps_module.in_lanes
    monkeypatch.setattr(steps_module, "in_lanes", lambda work, given: (parts.append(len(given)), lanes(work, given))[1])
    try:
        with torch.inference_mode():
            steps = Steps.of(decoder)
            for threads in (1, 2):
                torch.set_num_threads(threads)
                begun = [steps.begin(read(decoder, start) if start else [], 9) for start, _ in spans]
                fed = [(one, IDS[0, start:end].tolist()) for one, (start, end) in zip(begun, spans, strict=True)]
                found.append(together(fed, last=last))
                assert [one.length for one in begun] == [end for _, end in spans]
    finally:
        torch.set_num_threads(before)
    assert parts == [1, 2]
    exact = half and torch.backends.quantized.engine != "none"
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, atol=0 if exact else 1e-5, rtol=0 if exact else 1e-5)


def test_torch_threads_change_no_bit_of_a_few_queries():
    """300 keys, heads of 64: with two threads the library would add up one to eight queries in another order."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=48, hidden_size=32, intermediate_size=56, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, head_dim=64, max_position_embeddings=512,
    )  # fmt: skip
    decoder, before, found = Qwen3ForCausalLM(config).eval(), torch.get_num_threads(), []
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(parameter.half())
    try:
        with torch.inference_mode():
            steps = Steps.of(decoder)
            layers = [(torch.randn(1, 2, 300, 64), torch.randn(1, 2, 300, 64))]
            steps.own_threads = nullcontext  # as a large decoder has
            for threads in (1, 2):
                torch.set_num_threads(threads)
                found.append([steps.begin(layers, 9).step([3] * count) for count in (1, 2, 3, 5, 8)])
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        assert torch.equal(one, two)


def test_only_weights_that_float16_holds_are_kept_in_it():
    """3 + 2^-20 is lost in float16, whose numbers around 3 are 2^-9 apart; 3 + 2^-9 is one of them."""
    ones = torch.ones(1, 4)
    for part in (2**-20, 2**-9):
        weights = torch.full((2, 4), 3.0)
        weights[1, 2] += part
        assert matrix(weights)(ones)[0].tolist() == [12.0, 12.0 + part]


def test_a_small_decoder_steps_in_one_thread():
    steps, before = Steps.of(small()), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with steps.own_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_went_before_is_left_alone():
    """Two sequences go on from one cache, each as if alone."""
    decoder = small()
    with torch.inference_mode():
        layers = read(decoder, 4)
        before = [keys.clone() for keys, _ in layers]
        steps = Steps.of(decoder)
        one, two = steps.begin(layers, 2), steps.begin(layers, 2)
        one.step([1])
        here = two.step(IDS[0, 4:5].tolist())
        torch.testing.assert_close(here, decoder(input_ids=IDS[:, :5]).logits[0, -1:], atol=1e-5, rtol=1e-5)
        assert all(torch.equal(keys, old) for (keys, _), old in zip(layers, before, strict=True))


def test_changed_weights_are_noticed():
    decoder = small()
    steps = Steps.of(decoder)
    assert steps.current
    with torch.no_grad():
        decoder.model.layers[1].mlp.up_proj.weight.mul_(1.5)
    assert not steps.current


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft still asks for it
def test_other_shapes_have_no_steps():
    from peft import LoraConfig, get_peft_model

    assert Steps.of(small(attention_bias=True)) is None
    assert Steps.of(small().to(torch.bfloat16)) is None
    assert Steps.of(torch.nn.Linear(2, 2)) is None
    adapted = get_peft_model(small(), LoraConfig(target_modules=["q_proj"], r=2))
    assert Steps.of(adapted.base_model.model) is None
