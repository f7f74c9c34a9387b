"""Steps by rows of one buffer give what the decoder's own forward gives, whoever comes, waits, moves or leaves.

Without a GPU the pass that would be recorded is worked out each time; all else is the same.
"""

from __future__ import annotations

import gc

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from agentmm.model.captured import Captured
from agentmm.model.steps import Steps

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
IDS = torch.arange(40).mul(7).add(3).remainder(48)


def small(dtype=torch.float32):
    """A random decoder of 48 tokens, 4 heads in 2 groups."""
    torch.manual_seed(3)
    config = Qwen3Config(
        vocab_size=48, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=700,
    )  # fmt: skip
    decoder = Qwen3ForCausalLM(config).eval().to(DEVICE, dtype)
    with torch.no_grad():  # norms of ones would hide a norm that was folded wrongly
        for name, parameter in decoder.named_parameters():
            if "norm" in name:
                parameter.copy_(torch.rand_like(parameter) + 0.5)
    return decoder


def whole(decoder, ids):
    """The decoder's own logits after each token."""
    return decoder(input_ids=torch.tensor([ids], device=DEVICE)).logits[0].float().cpu()


def begun(steps, count, room=12, offset=0):
    """A sequence that was fed the first tokens, with these."""
    running, ids = steps.begin([], count + room), (IDS.roll(-offset)[:count]).tolist()
    running.step(ids)
    return running, ids


def fed(decoder, captured, told):
    """Feed (sequence, its tokens so far, new ones) in one pass; each must get what the whole gives."""
    got = captured.step([(running, new) for running, _, new in told])
    for (_, ids, new), logits in zip(told, got, strict=True):
        ids += new
        torch.testing.assert_close(logits, whole(decoder, ids)[-len(new) :], atol=1e-4, rtol=1e-4)


def test_sequences_come_wait_and_leave():
    """Of 9, 4 and 5 tokens: one alone, then three, then two of them while one waits, then the waiting one again."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        (one, first), (two, second), (three, third) = (begun(steps, n, offset=n) for n in (9, 4, 5))
        fed(decoder, captured, [(one, first, [5])])
        fed(decoder, captured, [(two, second, [1]), (one, first, [2]), (three, third, [3])])
        fed(decoder, captured, [(three, third, [7]), (one, first, [8])])
        fed(decoder, captured, [(two, second, [11]), (three, third, [12])])
        assert [running.length for running in (one, two, three)] == [12, 6, 8]


def test_guesses_are_fed_along_and_forgotten():
    """Of three guesses one holds, while another sequence is fed one token; both go on after what held."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        (one, first), (two, second) = begun(steps, 6), begun(steps, 3, offset=2)
        fed(decoder, captured, [(one, first, [5, 6, 40, 41]), (two, second, [4])])
        one.keep(8)
        fed(decoder, captured, [(one, first[:8], [9]), (two, second, [10])])
        assert (one.length, two.length) == (9, 5)


def test_a_buffer_that_is_too_small_grows_and_what_is_in_it_moves():
    """The second needs 600 positions, more than the 512 that the first brought."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        one, first = begun(steps, 5)
        fed(decoder, captured, [(one, first, [1])])
        two, second = begun(steps, 7, room=600, offset=3)
        before = one.capacity
        fed(decoder, captured, [(two, second, [2]), (one, first, [3])])
        assert (before, one.capacity) == (512, 1024)
        fed(decoder, captured, [(one, first, [4])])
        assert one.capacity == two.capacity == 1024


def test_what_a_sequence_keeps_is_its_own():
    """Keys and values after rows of a buffer equal those after steps alone; another that takes the row changes none."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        one, ids = begun(steps, 6)
        fed(decoder, captured, [(one, ids, [5])])
        alone, _ = begun(steps, 6)
        alone.step([5])
        kept = one.layers
        torch.testing.assert_close(kept, alone.layers, atol=1e-5, rtol=1e-5)
        del one
        gc.collect()
        other, ids = begun(steps, 8, offset=9)
        fed(decoder, captured, [(other, ids, [6])])
        torch.testing.assert_close(kept, alone.layers, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_shared_stays_whoever_takes_the_row(moved):
    """A sequence's keys are shared before it has a row, or once it has; then another has that row."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        one, ids = begun(steps, 6)
        kept = one.shared
        if moved:
            fed(decoder, captured, [(one, ids, [5])])
            kept = one.shared
        wanted = one.layers
        fed(decoder, captured, [(one, ids, [7])])
        del one
        gc.collect()
        other, ids = begun(steps, 9, offset=9)
        fed(decoder, captured, [(other, ids, [6])])
        torch.testing.assert_close(kept, wanted, atol=0, rtol=0)


def test_one_that_is_left_alone_moves_to_the_first_row():
    """Four rows, then the last alone: as exact as before, and one row is worked through where it can be recorded."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        told = [(*begun(steps, 3 + n, offset=n), [n]) for n in range(4)]
        fed(decoder, captured, told)
        running, ids, _ = told[-1]
        del told
        gc.collect()
        fed(decoder, captured, [(running, ids, [9])])
        shapes = [(4, 1, 512), (1, 1, 512)]
        assert captured.recorded == (shapes if DEVICE == "cuda" else [])


def test_positions_up_to_the_last():
    """The model's last position, 699, is fed; what a pass fills up behind it counts for nothing."""
    decoder = small()
    with torch.inference_mode():
        steps = Steps(decoder)
        captured = Captured(steps)
        ids = [int(token) for token in IDS.repeat(18)[:697]]
        running = steps.begin([], 700)
        running.step(ids)
        fed(decoder, captured, [(running, ids, [1, 2])])
        fed(decoder, captured, [(running, ids, [3])])
        assert running.length == 700


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_as_near_to_float32_as_the_decoder_itself(dtype):
    """Weights in half precision, sums and the stream in float32: no further from the truth than the library's pass."""
    decoder = small(dtype)
    with torch.inference_mode():
        steps = Steps(decoder)
        one, ids = begun(steps, 12)
        got = Captured(steps).step([(one, [5, 7])])[0]
        ids += [5, 7]
        theirs = whole(decoder, ids)[-2:]
        truth = whole(decoder.float(), ids)[-2:]
        assert (got - truth).abs().max() <= 1.5 * (theirs - truth).abs().max()
        assert steps.precision == dtype


def test_rows_come_with_what_makes_log_probabilities_of_them():
    """Largest + log is the logarithm of the sum of all exp(logit); what is done meanwhile is done once."""
    decoder, calls = small(), []
    with torch.inference_mode():
        steps = Steps(decoder)
        (one, first), (two, second) = begun(steps, 6), begun(steps, 3, offset=2)
        got = Captured(steps).rows([(one, [5, 6]), (two, [4])], lambda: calls.append(1))
        for ids, (logits, scales) in zip(([*first, 5, 6], [*second, 4]), got, strict=True):
            want = whole(decoder, ids)[-len(logits) :].double()
            assert scales.shape == (len(logits), 2)
            torch.testing.assert_close(torch.from_numpy(scales[:, 0]), want.amax(1), atol=1e-4, rtol=0)
            torch.testing.assert_close(torch.from_numpy(scales.sum(1)), want.logsumexp(1), atol=1e-4, rtol=0)
    assert calls == [1]


def test_many_sequences_are_worth_fewer_tokens_each():
    """128 tokens in all, of rows rounded up to a power of two: 16 x 8, 32 x 4, 64 x 2; one at least, 8 at most."""
    captured = Captured(Steps(small()))
    assert [captured.worth(count) for count in (1, 16, 17, 32, 33, 64, 200)] == [8, 8, 4, 4, 2, 2, 1]
