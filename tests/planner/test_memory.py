"""What sequences and sessions hold in memory: no more than their bytes, and nothing that another writes over."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agentmm.model.captured import Captured  # noqa: E402 - after the skip
from agentmm.model.steps import Steps  # noqa: E402 - after the skip
from agentmm.planner.batching import Batch  # noqa: E402 - after the skip
from agentmm.planner.constrain import Constraint, grammar, matcher_tokenizer  # noqa: E402 - after the skip
from agentmm.planner.session import Sessions  # noqa: E402 - after the skip
from agentmm.planner.writing import Sampling  # noqa: E402 - after the skip
from tests.planner.kit import SPECS, WORDS, all_of, engine, picture, prompt_of, requests_of  # noqa: E402 - after the skip


def held_bytes(width):
    """Bytes of every key-value cache in memory, each storage once: tensors whose last axis is `width`."""
    found = {}
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor and thing.dim() >= 4 and thing.shape[-1] == width:
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
    return sum(found.values())


def test_sixty_four_sessions_stay_within_their_bytes(planner):
    config = planner.model.config.text_config
    asked = requests_of(planner, 64, 0.0)
    unbound = engine(planner, Sessions())
    want = [unbound.complete(one.prompt, picture, None, one.sampling).ids for one in asked]
    limit = unbound.sessions.bytes // 4
    unbound.sessions.clear()
    local = engine(planner, Sessions(limit))
    batch, advance, measured, steps = Batch(local, limit, places=64), local.advance, [], []

    def watched(sequences):
        advance(sequences)
        steps.append(len(sequences))
        if len(steps) in (3, 20, 40):  # to look at every object takes a while
            measured.append(held_bytes(config.head_dim))

    before = held_bytes(config.head_dim)
    local.advance = watched
    assert [done.ids for done in all_of(batch, asked)] == want
    assert batch.most > 2
    assert 0 < len(local.sessions) < 64
    assert max(measured) - before <= limit
    assert held_bytes(config.head_dim) - before <= local.sessions.bytes <= limit


def held(local, prompt):
    """Bytes of the memory in which a prompt's session lies."""
    layers = local.sessions.find([*prompt.ids, 0]).layers
    storages = [part.untyped_storage() for pair in layers for part in pair]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


@pytest.mark.parametrize("failed", [True, False])
def test_a_sequence_that_is_let_go_leaves_no_room_behind(planner, failed):
    """Its prompt's session stays, in memory of its own: 20 positions more, in which it would have grown, go."""
    local, prompt = engine(planner, Sessions()), prompt_of(planner, WORDS[:3], [])

    sequence = local.begin(prompt, picture, None, Sampling(0.0, 20))
    length, size = len(prompt.ids), local.sessions.bytes
    assert held(local, prompt) * length == size * (length + 20)  # the memory in which the sequence grows
    if failed:
        sequence.over, sequence.error = True, ValueError("its own constraint")
        with pytest.raises(ValueError, match="its own"):
            local.end(sequence)
    else:
        local.forget(sequence)
    assert held(local, prompt) == local.sessions.bytes == size
    assert local.begin(prompt, picture).counters.cached_tokens == length - 1


def by_rows(monkeypatch):
    """Steps by rows of one buffer, as on a GPU, where they are recorded."""
    of = Steps.of

    def captured(decoder):
        steps = of(decoder)
        steps.captured = Captured(steps)
        return steps

    monkeypatch.setattr(Steps, "of", captured)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_batch_by_rows_of_one_buffer_writes_what_each_writes_alone(planner, monkeypatch, temperature):
    """As on a GPU, where steps are recorded: against steps alone that are not, with sessions and without."""
    asked = requests_of(planner, 12, temperature)
    want = [engine(planner, None).complete(one.prompt, picture, None, one.sampling) for one in asked]

    by_rows(monkeypatch)
    for sessions in (None, Sessions(2**30)):
        batch = Batch(engine(planner, sessions), limit_bytes=2**30)
        for done, alone in zip(all_of(batch, asked), want, strict=True):
            assert (done.ids, done.forced, done.ended) == (alone.ids, alone.forced, alone.ended)
            np.testing.assert_allclose(done.logp, alone.logp, rtol=0, atol=1e-4)
        assert batch.most > 3
        assert batch.engine.padded


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_by_rows_of_one_buffer_the_grammar_allows_what_it_allows_alone(planner, monkeypatch, temperature):
    """What is legal is worked out for all at once there, along their guesses; a user's own constraint is asked."""
    lark, tokenizer = grammar(SPECS, ["image_1", "image_2"]), planner.processor.tokenizer
    matcher = matcher_tokenizer(tokenizer)

    def asked():
        """Twelve of them, each with a constraint of its own."""
        own = [Constraint(matcher, lark, len(tokenizer), tokenizer.convert_ids_to_tokens) for _ in range(11)]
        requests = requests_of(planner, 12, temperature)
        return [replace(one, constraint=told) for one, told in zip(requests, [*own, Even(len(tokenizer))], strict=True)]

    alone = engine(planner, None)
    want = [alone.complete(one.prompt, picture, one.constraint, one.sampling) for one in asked()]
    by_rows(monkeypatch)
    batch = Batch(engine(planner, None), limit_bytes=2**30)
    for done, one in zip(all_of(batch, asked()), want, strict=True):
        assert (done.ids, done.forced, done.ended) == (one.ids, one.forced, one.ended)
        np.testing.assert_allclose(done.logp, one.logp, rtol=0, atol=1e-4)
        np.testing.assert_allclose(done.logp_sampled, one.logp_sampled, rtol=0, atol=1e-4)
    assert batch.most > 3


class Even:
    """A user's own constraint: even tokens alone."""

    def __init__(self, vocabulary):
        self.even = np.arange(vocabulary) % 2 == 0

    def legal(self):
        return self.even

    def forced(self, legal):
        return False

    def ahead(self):
        return []

    def fitting(self, tokens):
        return next((count for count, token in enumerate(tokens) if token % 2), len(tokens))

    def take(self, token):
        assert token % 2 == 0


@pytest.mark.parametrize("failed", [True, False])
def test_by_rows_of_one_buffer_a_prompts_session_has_memory_of_its_own(planner, monkeypatch, failed):
    """Another takes the row of one that is let go after two steps, and what its prompt's session holds stays."""
    by_rows(monkeypatch)
    local, prompt = engine(planner, Sessions()), prompt_of(planner, WORDS[:3], [])

    def kept():
        return [part.clone() for pair in local.sessions.find([*prompt.ids, 0]).layers for part in pair]

    sequence = local.begin(prompt, picture, None, Sampling(0.0, 20))
    before = kept()
    assert held(local, prompt) == local.sessions.bytes
    local.advance([sequence])
    local.advance([sequence])
    if failed:
        sequence.over, sequence.error = True, ValueError("its own constraint")
        with pytest.raises(ValueError, match="its own"):
            local.end(sequence)
    else:
        local.forget(sequence)
    del sequence
    gc.collect()
    local.complete(prompt_of(planner, WORDS[3:], []), picture, None, Sampling(0.0, 20))
    torch.testing.assert_close(kept(), before, atol=0, rtol=0)
