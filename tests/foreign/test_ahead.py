"""Guesses that are fed along change nothing but time: tokens, log-probs and sessions are those without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.exactness import measure
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling
from tests.foreign.checkpoints import INEXACT
from tests.foreign.test_chat import TOOLS, asked, media  # noqa: F401 (a fixture)
from tests.foreign.test_sessions import RIGID, SEEING, called, library, picture, returned, told_of
from tests.foreign.test_sessions import asked as asked_of

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

LIKELY = 12.0  # what is added to a logit


def engine_of(chat: Any, *, ahead: bool) -> ForeignModel:
    """The planner's model with sessions of its own, that guesses or does not."""
    given = (chat.model, chat.pictures, chat.ends, Sessions(chat.cache_bytes, ForeignSession), chat.exactness.exact)
    return ForeignModel(*given, ahead=ahead and chat.exactness.ahead, copies=True)


def passes(chat: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens of each pass from here on."""
    fed, own = [], chat.model.forward

    def forward(input_ids: Any, **given: Any) -> Any:
        fed.append(input_ids.shape[-1])
        return own(input_ids=input_ids, **given)

    monkeypatch.setattr(chat.model, "forward", forward)
    return fed


@pytest.fixture
def repeating(monkeypatch):
    """Makes a random model likely to write five letters in turn, so that many guesses hold, and some do not."""

    def of(chat: Any) -> None:
        own = chat.model.forward

        def forward(input_ids: Any, **given: Any) -> Any:
            out, kept = own(input_ids=input_ids, **given), given.get("logits_to_keep", 0)
            ids = input_ids[:, -kept:] if isinstance(kept, int) else input_ids[:, kept]
            out.logits = out.logits + LIKELY * torch.nn.functional.one_hot(40 + (ids + 1) % 5, out.logits.shape[-1])
            return out

        monkeypatch.setattr(chat.model, "forward", forward)

    return of


@pytest.mark.parametrize("family", SEEING)
def test_only_caches_that_can_go_back_are_guessed_on(family, planner):
    assert planner(family).exactness.ahead == (family not in RIGID)


@pytest.mark.parametrize("family", SEEING)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_episode_with_guesses_is_the_one_without(family, temperature, planner, repeating):
    chat = planner(family)
    assert chat.exactness.exact
    repeating(chat)
    ahead, alone = (engine_of(chat, ahead=ahead) for ahead in (True, False))
    messages, guessed = [asked_of("What is it? What is it? What is", 1)], 0
    for step in range(3):
        told = told_of(chat, messages)
        sampling = Sampling(temperature, 16, seed=step)
        got, want = (engine.complete(told, picture, None, sampling) for engine in (ahead, alone))
        assert (got.ids, got.ended) == (want.ids, want.ended)
        np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
        np.testing.assert_allclose(got.logp_sampled, want.logp_sampled, atol=1e-4)
        assert got.counters.cached_tokens == want.counters.cached_tokens
        assert want.counters.guessed_tokens == 0
        guessed += got.counters.guessed_tokens
        if not temperature:  # a draw may be a picture's mark, which the library takes for a picture
            expected = library(chat, [*told.ids, *got.ids], told)[len(told.ids) - 1 : -1].log_softmax(-1)
            np.testing.assert_allclose(got.logp, expected[range(len(got.ids)), got.ids].numpy(), atol=1e-4)
        messages += [called(got.ids), returned(*([3] if step else []))]
    assert (guessed == 0) == (family in RIGID)


@pytest.mark.parametrize("family", SEEING)
def test_what_the_grammar_forces_takes_no_pass_of_its_own(family, planner, media, always_calls, monkeypatch):  # noqa: F811 (the fixture)
    """`look_up` and its argument's name are forced once the model has chosen between the tools."""
    said, counts = [], []
    for ahead in (False, True):
        chat = planner(family, temperature=1.0, max_tokens=400, ahead=ahead, packs=False)
        with monkeypatch.context() as patch:
            assert chat.engine
            fed = passes(chat, patch)
            said.append(chat.bind_tools(TOOLS).invoke([asked("image_1")], media=media, seed=1))
            counts.append(len(fed))
    one, other = (message.response_metadata for message in said)
    assert one["completion_ids"] == other["completion_ids"]
    np.testing.assert_allclose(one["logp"], other["logp"], atol=1e-4)
    assert (counts[0] == counts[1]) if family in RIGID else (counts[0] > counts[1])


def test_a_session_holds_what_was_written_and_no_guess(planner, repeating):
    chat = planner("qwen2_5_vl")
    assert chat.exactness.ahead
    repeating(chat)
    ahead = engine_of(chat, ahead=True)
    told = told_of(chat, [asked_of("What is it? What is it?", 1)])
    done = ahead.complete(told, picture, None, Sampling(max_tokens=20))
    assert done.counters.guessed_tokens > 0
    assert ahead.sessions is not None
    held = ahead.sessions.find([*told.keys, *done.ids, 5])
    assert held.keys == [*told.keys, *done.ids][:-1]
    assert all(layer.keys.shape[2] == layer.values.shape[2] == len(held.keys) for layer in held.cache.layers)


@pytest.mark.parametrize("family", INEXACT)
def test_a_model_without_a_cache_reads_guesses_in_one_pass_over_everything(family, planner, repeating, monkeypatch):
    chat = planner(family)
    repeating(chat)
    told = told_of(chat, [asked_of("What is it? What is it?")])
    made = []
    for ahead in (False, True):
        engine = ForeignModel(chat.model, chat.pictures, chat.ends, None, False, ahead=ahead, copies=True)
        with monkeypatch.context() as patch:
            fed = passes(chat, patch)
            made.append((engine.complete(told, picture, None, Sampling(max_tokens=20)), len(fed)))
    (want, slow), (got, fast) = made
    assert (got.ids, got.ended) == (want.ids, want.ended)
    np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
    assert fast == slow - got.counters.guessed_tokens < slow


def test_a_model_that_takes_guesses_otherwise_gets_none(planner, monkeypatch):
    chat, wrong = planner("qwen2_5_vl"), torch.tensor(1.0)
    own = chat.model.forward

    def forward(input_ids, past_key_values=None, **given):
        out = own(input_ids=input_ids, past_key_values=past_key_values, **given)
        if input_ids.shape[1] == 2:  # no part of the conversation that is measured has two tokens
            out.logits = out.logits + wrong
        return out

    monkeypatch.setattr(chat.model, "forward", forward)
    found = measure(chat.model, chat.pictures, chat.spelling, None)
    assert (found.exact, found.ahead) == (True, False)
