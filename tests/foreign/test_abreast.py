"""Several sequences of a foreign model in one pass: each as if alone, whoever comes, goes or fails."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import numpy as np
import pytest
import torch

from agentmm.media import Image as Picture
from agentmm.media import MediaStore
from agentmm.planner.batching import Batch
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.sequence import Request
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling
from tests.foreign.test_sessions import RIGID, SEEING, SPECS, asked, picture, told_of
from tests.planner.kit import all_of

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

WORDS = ("What is it?", "Red?", "How many dots are there in it, and which of them is the largest?")


def requests_of(chat: Any, count: int, temperature: float) -> list[Request]:
    """Prompts of several lengths with none to two pictures, limits and seeds of their own."""
    made = []
    for index in range(count):
        shown = ((), (1,), (4, 2))[index % 3]
        told = told_of(chat, [asked(WORDS[index // 3 % 3], *shown)])
        made.append(Request(told, picture, sampling=Sampling(temperature, 3 + index % 4, seed=index)))
    return made


def engine_of(chat: Any, *, limit: int | None = None, together: bool = True) -> ForeignModel:
    """The planner's model; several at once as it was measured."""
    sessions = None if limit is None else Sessions(limit, ForeignSession)
    together = together and chat.exactness.together
    return ForeignModel(chat.model, chat.pictures, chat.ends, sessions, chat.exactness.exact, together=together)


def same(got: Any, want: Any) -> None:
    assert (got.ids, got.ended) == (want.ids, want.ended)
    np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
    np.testing.assert_allclose(got.logp_sampled, want.logp_sampled, atol=1e-4)


@pytest.mark.parametrize("family", SEEING)
def test_a_batch_writes_what_each_writes_alone(family, planner, monkeypatch):
    chat = planner(family)
    assert chat.exactness.together == (family not in RIGID)
    rows, own = [], chat.model.forward

    def forward(input_ids, **given):
        rows.append(len(input_ids))
        return own(input_ids=input_ids, **given)

    for temperature in (0.0, 1.0):
        made = requests_of(chat, 6, temperature)
        alone = engine_of(chat, together=False)
        want = [alone.complete(one.prompt, picture, None, one.sampling) for one in made]
        with monkeypatch.context() as patch:
            batch = Batch(engine_of(chat))
            patch.setattr(chat.model, "forward", forward)
            got = all_of(batch, made)
        for done, expected in zip(got, want, strict=True):
            same(done, expected)
    assert (max(rows) > 2) == (family not in RIGID)


def test_what_one_leaves_is_a_session_like_any_other(planner):
    chat = planner("qwen2_5_vl")
    engine, made = engine_of(chat, limit=2**30), requests_of(chat, 4, 0.0)
    batch = Batch(engine, 2**30)
    first = all_of(batch, made)
    for request, done in zip(made, first, strict=True):
        assert (done.counters.prefill_tokens, done.counters.cached_tokens) != (0, 0)
        held = engine.sessions.find([*request.prompt.keys, *done.ids])
        assert held.keys == [*request.prompt.keys, *done.ids[:-1]]
        assert {layer.keys.shape[2] for layer in held.cache.layers} == {len(held.keys)}
    for request, done in zip(made, all_of(batch, made), strict=True):
        same(done, first[made.index(request)])
        assert done.counters.cached_tokens == len(request.prompt.ids) - 1


def test_a_pass_that_fails_half_way_harms_none(planner, monkeypatch):
    """The model runs out of memory after its cache has grown: each sequence then goes on alone."""
    chat = planner("llava")
    made = requests_of(chat, 4, 0.0)
    want = [engine_of(chat, together=False).complete(one.prompt, picture, None, one.sampling) for one in made]
    own, failed = chat.model.forward, []

    def forward(input_ids, **given):
        out = own(input_ids=input_ids, **given)
        if len(input_ids) > 2:
            failed.append(len(input_ids))
            raise MemoryError("too much together")
        return out

    engine = engine_of(chat)
    monkeypatch.setattr(chat.model, "forward", forward)
    batch = Batch(engine)
    for done, expected in zip(all_of(batch, made), want, strict=True):
        same(done, expected)
    assert failed


def test_sequences_that_come_and_go_keep_their_places(planner):
    """By hand: two, then a third, then the first lets go and the second is alone; each as if it had been."""
    chat = planner("idefics3")
    engine, alone = engine_of(chat), engine_of(chat, together=False)
    made = requests_of(chat, 3, 0.0)
    limits = [Sampling(max_tokens=8)] * 3
    want = [alone.complete(one.prompt, picture, None, limit) for one, limit in zip(made, limits, strict=True)]
    one, two, three = (engine.begin(request.prompt, picture, None, Sampling(max_tokens=8)) for request in made)
    for members in ([one, two], [one, two], [one, two, three], [three, two], [two], [two, three]):
        engine.advance([member for member in members if not member.over])
    engine.forget(one)
    for sequence, expected in ((two, want[1]), (three, want[2])):
        while not sequence.over:
            engine.advance([sequence])
        same(engine.end(sequence), expected)
    assert one.writing.result.ids == want[0].ids[: len(one.writing.result.ids)]


@pytest.mark.parametrize("family", ["qwen2_5_vl", "gemma3"])
def test_steps_of_many_threads_and_tasks_are_those_of_one(family, planner, tmp_path, monkeypatch):
    """Through the chat model, with pictures, its grammar and seeds: LangChain's own batch, then an event loop."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    store = MediaStore(tmp_path / "media")
    media = {f"image_{1 + at}": store.add(Picture(np.asarray(picture(sha)))) for at, sha in enumerate("ab")}
    chat = planner(family, temperature=1.0, max_tokens=8)
    given = [
        [asked(words, *shown)] for words, shown in zip(WORDS * 2, ((1,), (), (2,), (1, 2), (2, 1), ()), strict=True)
    ]
    bound = chat.bind_tools(SPECS).bind(media=media, seed=7)
    want = [bound.invoke(messages).response_metadata for messages in given]
    found = bound.batch(given)

    async def every():
        return await asyncio.gather(*(bound.ainvoke(messages) for messages in given))

    for got in (found, asyncio.run(every())):
        for said, expected in zip(got, want, strict=True):
            assert said.response_metadata["completion_ids"] == expected["completion_ids"]
            np.testing.assert_allclose(said.response_metadata["logp"], expected["logp"], atol=1e-4)
    assert chat.batching.most > 1


def held_bytes(width: int) -> int:
    """Bytes of every key-value cache in memory, each storage once: tensors whose last axis is `width`."""
    found = {}
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor and thing.dim() == 4 and thing.shape[-1] == width and thing.shape[1] == 2:
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
    return sum(found.values())


def test_sixty_four_sessions_stay_within_their_bytes(planner):
    chat = planner("llava_onevision")
    made = requests_of(chat, 64, 0.0)
    alone = engine_of(chat, limit=2**30, together=False)
    want = [alone.complete(one.prompt, picture, None, one.sampling).ids for one in made]
    limit = alone.sessions.bytes // 2
    alone.sessions.clear()
    engine = engine_of(chat, limit=limit)
    batch, advance, measured, steps = Batch(engine, limit, places=64), engine.advance, [], []

    def watched(sequences):
        advance(sequences)
        steps.append(len(sequences))
        if len(steps) in (2, 5, 20):
            measured.append(held_bytes(8))

    gc.collect()  # what earlier tests left would be gone by the end
    before = held_bytes(8)
    engine.advance = watched
    assert [done.ids for done in all_of(batch, made)] == want
    assert batch.most > 2
    assert 0 < max(measured) - before <= limit
    assert held_bytes(8) - before <= engine.sessions.bytes <= limit


@pytest.mark.parametrize(("family", "goes_on"), [("llava", True), ("gemma3", False)])
def test_a_pass_that_fails_after_some_layers_have_grown(family, goes_on, planner, monkeypatch):
    """One layer raises once: a cache that can go back writes what it would have, another ends with that error."""
    chat = planner(family)
    (request,) = requests_of(chat, 1, 0.0)
    request = Request(request.prompt, request.load, sampling=Sampling(max_tokens=6))
    want = engine_of(chat).complete(request.prompt, picture, None, request.sampling)
    layer, passes = chat.model.get_decoder().layers[-1], []
    own = layer.forward

    def forward(*args, **given):
        passes.append(1)
        if len(passes) == 3:
            raise MemoryError("once too much")
        return own(*args, **given)

    batch = Batch(engine_of(chat))
    with monkeypatch.context() as patch:
        patch.setattr(layer, "forward", forward)
        if goes_on:
            same(batch.complete(request), want)
        else:
            with pytest.raises(MemoryError, match="once too much"):
                batch.complete(request)
    assert len(passes) >= 3


def test_where_gathering_fails_each_is_told_why(planner, monkeypatch):
    from agentmm.planner.foreign import abreast

    chat, left = planner("llava"), [3]
    own = abreast.filled

    def filled(tensors, length):
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError("no room side by side")
        return own(tensors, length)

    monkeypatch.setattr(abreast, "filled", filled)
    batch = Batch(engine_of(chat))
    futures = [batch.submit(request) for request in requests_of(chat, 3, 0.0)]
    raised = [future.exception(60) for future in futures]
    assert any(raised)
    assert all(error is None or "no room side by side" in str(error) for error in raised)
