"""A fresh decoder with the circuit says random tokens again; one without it does not."""

import pytest
import torch

from agentmm.model import MultimodalLM, load_preset
from agentmm.train.induction import seed_induction


def share_copied(decoder, repeats=24, length=12):
    """Of random runs said twice, the share of second-time tokens that the decoder foresees."""
    run = torch.randint(20, 2000, (repeats, length), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        foreseen = decoder(input_ids=torch.cat([run, run], 1)).logits.argmax(-1)
    return float((foreseen[:, length:-1] == run[:, 1:]).float().mean())


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return MultimodalLM(load_preset("nano")).eval().decoder


def test_a_seeded_decoder_copies_before_any_training(decoder):
    assert share_copied(decoder) < 0.05
    seed_induction(decoder)
    assert share_copied(decoder) > 0.6


def test_equal_seeds_give_equal_weights(decoder):
    torch.manual_seed(0)
    other = MultimodalLM(load_preset("nano")).decoder
    seed_induction(decoder, seed=3)
    seed_induction(other, seed=3)
    for one, two in zip(decoder.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_logits_start_as_small_as_without_it(decoder):
    """Large embeddings must not make a fresh model sure of anything: its loss is about ln V."""
    seed_induction(decoder)
    ids = torch.randint(20, 2000, (8, 32), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        logs = decoder(input_ids=ids).logits[:, :-1].log_softmax(-1)
    loss = -logs.gather(-1, ids[:, 1:, None]).mean()
    assert float(loss) < 9.0  # ln 2048 = 7.6
