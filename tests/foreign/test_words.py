"""New words of several prompts of a foreign model in one pass: each gets what it gets alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agentmm.planner.batching import Batch
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.foreign.words import alike
from agentmm.planner.sequence import Request, Underway
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling
from tests.foreign.test_sessions import RIGID, SEEING, asked, called, picture, returned, told_of
from tests.planner.kit import all_of

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

WORDS = ("What is it?", "Red?", "How many dots are there in it, and which of them is the largest?", "Is it green?")


def engine_of(chat: Any, *, words: bool = True) -> ForeignModel:
    """The planner's model with sessions of its own, as it was measured."""
    measured = chat.exactness
    given = (chat.model, chat.pictures, chat.ends, Sessions(2**30, ForeignSession), measured.exact)
    return ForeignModel(*given, together=measured.together, words=words and measured.words)


def requests_of(chat: Any, engine: ForeignModel, temperature: float = 0.0) -> list[Request]:
    """Second steps of four episodes, whose first steps the engine's sessions hold."""
    made = []
    for index, words in enumerate(WORDS):
        messages = [asked(words, *((), (1,), (4, 2), (3,))[index])]
        done = engine.complete(told_of(chat, messages), picture, sampling=Sampling(0.0, 4))
        told = told_of(chat, [*messages, called(done.ids), returned()])
        made.append(Request(told, picture, sampling=Sampling(temperature, 3 + index, seed=index)))
    return made


def passes(chat: Any, patch: Any) -> list[tuple[int, int]]:
    """Rows and tokens of each pass from now on."""
    seen, own = [], chat.model.forward

    def forward(input_ids: Any, **given: Any) -> Any:
        seen.append(tuple(input_ids.shape))
        return own(input_ids=input_ids, **given)

    patch.setattr(chat.model, "forward", forward)
    return seen


@pytest.mark.parametrize("family", SEEING)
def test_second_steps_are_fed_together_where_that_is_exact(family, planner, monkeypatch):
    chat = planner(family)
    assert chat.exactness.words == (family not in RIGID)
    alone, beside = engine_of(chat, words=False), engine_of(chat)
    for temperature in (0.0, 1.0):
        want = [
            alone.complete(one.prompt, picture, None, one.sampling) for one in requests_of(chat, alone, temperature)
        ]
        made = requests_of(chat, beside, temperature)
        with monkeypatch.context() as patch:
            seen = passes(chat, patch)
            got = all_of(Batch(beside, 2**30), made)
        for done, expected in zip(got, want, strict=True):
            assert (done.ids, done.ended) == (expected.ids, expected.ended)
            np.testing.assert_allclose(done.logp, expected.logp, atol=1e-4)
            assert done.counters.prefill_tokens == expected.counters.prefill_tokens
            assert done.counters.cached_tokens == expected.counters.cached_tokens > 0
        if temperature == 0.0:
            assert any(rows > 1 and count > 1 for rows, count in seen) == (family not in RIGID)


def test_what_is_fed_together_is_a_session_like_any_other(planner):
    chat = planner("qwen2_5_vl")
    engine = engine_of(chat)
    made = requests_of(chat, engine)
    with torch.inference_mode():
        begun = engine.begin_several(made)
    assert [type(one) for one in begun] == [Underway] * 4
    for request, one in zip(made, begun, strict=True):
        assert one.session.keys == request.prompt.keys
        assert {layer.keys.shape[2] for layer in one.session.cache.layers} == {len(request.prompt.ids)}
        held = engine.sessions.find([*request.prompt.keys, 0])
        assert held.keys == request.prompt.keys


class Moving:
    """A constraint that allows everything and knows what it took."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def legal(self) -> None:
        return None

    def forced(self, legal: Any) -> bool:
        return False

    def take(self, token: int) -> None:
        self.taken.append(token)


def test_prompts_that_fail_together_find_their_constraints_unmoved_alone(planner, monkeypatch):
    """The second session of a pass cannot be kept: nothing was taken yet, and each is begun by itself."""
    chat = planner("qwen2_5_vl")
    engine = engine_of(chat)
    made = [replace(one, constraint=Moving()) for one in requests_of(chat, engine)]
    own, kept = engine.sessions.keep, []

    def keep(session: Any) -> None:
        kept.append(session)
        if len(kept) == 2:
            raise MemoryError("no room")
        own(session)

    monkeypatch.setattr(engine.sessions, "keep", keep)
    for request, done in zip(made, all_of(Batch(engine, 2**30), made), strict=True):
        assert request.constraint.taken == done.ids[:-1]  # what ends it is not taken


def test_a_prompt_with_new_media_is_fed_alone_and_so_is_one_that_begins_alike(planner):
    """Of a picture, words, and the same words with one more at the end: alone; then the words; then the one more."""
    chat = planner("llava")
    engine = engine_of(chat)
    words, other = requests_of(chat, engine)[1:3]
    longer = type(words.prompt)([*words.prompt.ids, 5], words.prompt.images, shown=words.prompt.shown)
    made = [Request(told_of(chat, [asked("Look!", 3, 4)]), picture), words, Request(longer, picture), other]
    begun = engine.begin_several(made)
    assert [one is not None for one in begun] == [True, False, False, False]
    begun = engine.begin_several(made[1:])
    assert [one is not None for one in begun] == [True, False, True]
    (last,) = engine.begin_several(made[2:3])
    assert last.counters.prefill_tokens == 1


def test_where_the_pass_fails_each_is_fed_alone(planner, monkeypatch):
    chat = planner("llava")
    alone, engine = engine_of(chat, words=False), engine_of(chat)
    want = [alone.complete(one.prompt, picture, None, one.sampling).ids for one in requests_of(chat, alone)]
    made, own, failed = requests_of(chat, engine), chat.model.forward, []

    def forward(input_ids: Any, **given: Any) -> Any:
        out = own(input_ids=input_ids, **given)
        if min(input_ids.shape) > 1:
            failed.append(len(input_ids))
            raise MemoryError("too much together")
        return out

    monkeypatch.setattr(chat.model, "forward", forward)
    assert [done.ids for done in all_of(Batch(engine, 2**30), made)] == want
    assert failed


def test_short_words_go_with_each_other_and_long_ones_with_their_like():
    """Up to 16 tokens any, above twice the shortest: 1 with 16, 17 with 34, not 1 with 17 nor 17 with 35."""
    assert [alike(counts) for counts in ((1, 16), (17, 34), (1, 17), (17, 35), (40,))] == [
        True,
        True,
        False,
        False,
        True,
    ]
