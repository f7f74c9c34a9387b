"""Many completions at once: each as if alone, in bounds, and none harmed by another."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from functools import partial

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

torch = pytest.importorskip("torch")

from agentmm.planner.batching import Batch  # noqa: E402 - after the skip
from agentmm.planner.sequence import Request, Underway, tried  # noqa: E402 - after the skip
from agentmm.planner.session import Session, Sessions  # noqa: E402 - after the skip
from agentmm.planner.writing import Counters, Sampling, Writing  # noqa: E402 - after the skip
from tests.planner.kit import SPECS, WORDS, all_of, engine, picture, prompt_of, requests_of  # noqa: E402 - after the skip


class Counting:
    """An engine without a model: writes 1, 2, 3, ... up to the limit; its rows say so, whatever stands beside."""

    def __init__(self, sessions=None, *, padded=False):
        self.sessions, self.per_key, self.padded = sessions, 1.0, padded
        self.widths, self.begun, self.forgotten = [], [], []
        self.gate = threading.Event()
        self.gate.set()

    def begin(self, prompt, load, constraint, sampling):
        self.gate.wait(5)
        load("picture")
        self.begun.append(prompt.name)
        writing = Writing(constraint, sampling, (9,))
        sequence = Underway(prompt, Session(list(prompt.ids)), writing, Counters(len(prompt.ids)))
        sequence.choose(self._row(sequence))
        return sequence

    def begin_several(self, requests, tokens):
        made, fed = [], 0
        for one in requests:
            begin = partial(self.begin, one.prompt, one.load, one.constraint, one.sampling)
            made.append(tried(begin) if fed < tokens else None)
            fed += len(one.prompt.ids)
        return made

    def advance(self, sequences):
        assert not any(sequence.over for sequence in sequences)
        self.widths.append(len(sequences))
        if len(sequences) > 1 and any(sequence.prompt.name == "heavy" for sequence in sequences):
            raise MemoryError("too much together")
        for sequence in sequences:
            sequence.choose(self._row(sequence))

    def end(self, sequence):
        return sequence.completed()

    def forget(self, sequence):
        self.forgotten.append(sequence.prompt.name)

    def _row(self, sequence):
        row = np.zeros((1, 10), np.float32)
        row[0, len(sequence.writing.result.ids) + 1] = 5.0
        return row


class Given:
    """A prompt by name, with so many ids."""

    def __init__(self, name, length=3):
        self.name, self.ids = name, [0] * length


def nothing(sha):
    return None


def request(name="a", count=4, *, load=nothing, length=3, **more):
    return Request(Given(name, length), load, sampling=Sampling(max_tokens=count), **more)


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def test_a_finished_sequence_leaves_at_once_and_the_others_step_on():
    """Of 2, 4 and 6 tokens the first come with the prompts: one step for three, two for two, two for one."""
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting)
    futures = [batch.submit(request(count=count)) for count in (2, 4, 6)]
    counting.gate.set()
    assert [future.result(5).ids for future in futures] == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]
    assert counting.widths == [3, 2, 2, 1, 1]
    assert batch.most == 3
    assert (batch.active, batch.waiting) == (0, 0)


def test_those_beyond_the_places_wait_in_the_order_of_arrival():
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting, places=2)
    futures = [batch.submit(request(name, 3)) for name in "abcde"]
    counting.gate.set()
    assert [future.result(5).ids for future in futures] == [[1, 2, 3]] * 5
    assert counting.begun == list("abcde")
    assert max(counting.widths) == 2


def test_bytes_bound_what_is_active():
    """A sequence of 3 + 4 positions takes 7 bytes, and 7 more while it is copied: 21 hold two, not three."""
    counting = Counting(Sessions(21))
    counting.gate.clear()
    batch = Batch(counting, limit_bytes=21)
    futures = [batch.submit(request(name)) for name in "abcd"]
    counting.gate.set()
    assert [len(future.result(5).ids) for future in futures] == [4] * 4
    assert batch.most == 2
    alone = batch.submit(request("long", 4, length=100))  # more than the limit: by itself
    assert alone.result(5).ids == [1, 2, 3, 4]


def test_where_the_shorter_are_filled_up_each_counts_as_the_longest():
    """7, 7 and 14 bytes with 14 to spare are 42; filled up, three of 14 with 14 to spare are 56."""
    for padded, most in ((False, 3), (True, 2)):
        counting = Counting(padded=padded)
        counting.gate.clear()
        batch = Batch(counting, limit_bytes=42)
        futures = [batch.submit(request(name, length=length)) for name, length in (("a", 3), ("b", 3), ("c", 10))]
        counting.gate.set()
        assert [len(future.result(5).ids) for future in futures] == [4] * 3
        assert batch.most == most


@pytest.mark.parametrize("count", [2, 9])
def test_a_sequence_that_nobody_waits_for_is_let_go(count):
    """Cancelled while it takes its second step, which may be its last."""
    counting, reached, go_on = Counting(), threading.Event(), threading.Event()
    batch, advance = Batch(counting), counting.advance

    def held(sequences):
        advance(sequences)
        reached.set()
        go_on.wait(5)

    counting.advance = held
    future = batch.submit(request("left", count))
    reached.wait(5)
    assert future.cancel()
    go_on.set()
    wait_for(lambda: batch.active == 0)
    assert counting.forgotten == ["left"]


def test_decoding_goes_on_between_long_prompts():
    """After 1024 prompt tokens a step is due: three prompts of 600 are not fed in one go."""
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting, limit_bytes=2**30)
    futures = [batch.submit(request(name, 3, length=600)) for name in "abc"]
    counting.gate.set()
    assert [future.result(5).ids for future in futures] == [[1, 2, 3]] * 3
    assert counting.widths[0] == 2


class Raising:
    """A constraint that allows everything and fails at the third token."""

    def __init__(self, error):
        self.left, self.error = 2, error

    def legal(self):
        return np.ones(10, bool)

    def forced(self, legal):
        return False

    def take(self, token):
        self.left -= 1
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3)])
def test_what_one_sequence_raises_is_its_own(error):
    counting = Counting()
    batch = Batch(counting)

    def gone(sha):
        raise error

    futures = [batch.submit(one) for one in (request(), request(constraint=Raising(error)), request(load=gone))]
    assert futures[0].result(5).ids == [1, 2, 3, 4]
    assert [type(future.exception(5)) for future in futures[1:]] == [type(error)] * 2
    assert batch.complete(request()).ids == [1, 2, 3, 4]


def test_a_step_that_is_too_much_together_is_taken_one_by_one():
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting)
    futures = [batch.submit(request(name)) for name in ("a", "heavy", "b")]
    counting.gate.set()
    assert [future.result(5).ids for future in futures] == [[1, 2, 3, 4]] * 3


class Unruly(Counting):
    """Gives up on all prompts at once, in a way that no engine should."""

    def begin_several(self, requests, tokens):
        return []


class Full:
    """Sessions that cannot leave room."""

    def leave(self, limit):
        raise MemoryError("no room")


@pytest.mark.parametrize(("unruly", "error"), [(Unruly(), ValueError), (Counting(Full()), MemoryError)])
def test_prompts_on_their_way_hear_that_the_batch_failed(unruly, error):
    batch = Batch(unruly)
    futures = [batch.submit(request(name)) for name in "ab"]
    assert [type(future.exception(5)) for future in futures] == [error] * 2


def test_a_cancelled_request_and_one_out_of_time_give_up_their_places():
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting, places=1)
    first = batch.submit(request("first"))
    wait_for(lambda: batch.waiting == 0)
    cancelled, late = batch.submit(request("cancelled")), batch.submit(request("late", until=time.time() - 1))
    last = batch.submit(request("last"))
    assert cancelled.cancel()
    counting.gate.set()
    assert first.result(5).ids == last.result(5).ids == [1, 2, 3, 4]
    with pytest.raises(TimeoutError, match="time of this step"):
        late.result(5)
    with pytest.raises(CancelledError):
        cancelled.result(5)
    assert counting.begun == ["first", "last"]


def test_a_task_that_is_cancelled_gives_up_its_place():
    counting = Counting()
    batch = Batch(counting)

    async def main():
        counting.gate.clear()
        task = asyncio.create_task(batch.acomplete(request("task")))
        other = asyncio.create_task(batch.acomplete(request("other")))
        await asyncio.sleep(0.01)
        task.cancel()
        counting.gate.set()
        return await asyncio.gather(task, other, return_exceptions=True)

    gone, done = asyncio.run(main())
    assert isinstance(gone, asyncio.CancelledError)
    assert done.ids == [1, 2, 3, 4]


def test_a_closed_batch_gives_up_what_waits():
    counting = Counting()
    counting.gate.clear()
    batch = Batch(counting, places=1)
    futures = [batch.submit(request(name)) for name in "ab"]
    threading.Timer(0.05, counting.gate.set).start()
    batch.close()
    assert all(future.cancelled() for future in futures)
    with pytest.raises(RuntimeError, match="closed"):
        batch.submit(request())


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("folded", [True, False])
def test_a_batch_writes_what_each_writes_alone(planner, monkeypatch, half, temperature, folded):
    """In float16 to the bit, session or not; in float32 the last bits may differ, never 1e-4."""
    if half:
        kept = {name: value.clone() for name, value in planner.model.state_dict().items()}
        with torch.no_grad():
            for parameter in planner.model.parameters():
                parameter.copy_(parameter.half())
    if not folded:
        monkeypatch.setattr(type(planner.local), "_folded", lambda self: None)
    asked = requests_of(planner, 12, temperature)
    want = [engine(planner, None).complete(one.prompt, picture, None, one.sampling) for one in asked]
    batch = Batch(engine(planner, None))
    got = all_of(batch, asked)
    for done, alone in zip(got, want, strict=True):
        assert (done.ids, done.forced, done.ended) == (alone.ids, alone.forced, alone.ended)
        assert done.counters.guessed_tokens == alone.counters.guessed_tokens
        exact = half and folded and torch.backends.quantized.engine != "none"
        np.testing.assert_allclose(done.logp, alone.logp, rtol=0, atol=0 if exact else 1e-4)
        np.testing.assert_allclose(done.logp_sampled, alone.logp_sampled, rtol=0, atol=0 if exact else 1e-4)
    assert batch.most > 3
    if half:
        with torch.no_grad():
            planner.model.load_state_dict(kept)


def test_prompts_that_begin_alike_are_fed_once(planner):
    """Of two that are there at once the second feeds only its last word: it waits for no end of the first."""
    first, second = (prompt_of(planner, ["how", "many", "red", word], ["a"]) for word in ("circle", "what"))
    asked = [Request(prompt, picture, sampling=Sampling(max_tokens=12)) for prompt in (first, second)]
    want = [engine(planner, None).complete(one.prompt, picture, None, one.sampling).ids for one in asked]
    local = engine(planner, Sessions())
    done = all_of(Batch(local), asked)
    assert [one.ids for one in done] == want
    assert [one.counters.encoder_calls for one in done] == [1, 0]
    assert done[1].counters.prefill_tokens == len(planner.renderer.encode("what"))
    assert len(local.sessions) == 2  # a prompt's session gives way to that of its end


def test_prompts_of_one_pass_and_those_that_wait_for_it(planner):
    """The second picture is new to both that are fed; of two that begin alike one waits; a picture that is gone harms
    none; with no session there is nothing to wait for."""

    def gone(sha):
        raise OSError("gone")

    local = engine(planner, Sessions())
    prompts = [
        prompt_of(planner, ["red"] * 9, ["a"]),
        prompt_of(planner, ["blue", "how"], ["b"]),
        prompt_of(planner, [*["red"] * 9, "how"], ["a"]),
        prompt_of(planner, ["what", "how"], ["b"]),
        prompt_of(planner, ["circle"], ["c"]),
    ]
    asked = [Request(one, gone if one is prompts[4] else picture, sampling=Sampling(max_tokens=3)) for one in prompts]
    begun = local.begin_several(asked)
    assert [type(one) for one in begun] == [Underway, Underway, type(None), Underway, OSError]
    assert [one.counters.encoder_calls for one in begun if isinstance(one, Underway)] == [1, 1, 0]
    (later,) = local.begin_several(asked[2:3])
    assert (later.counters.cached_tokens, later.counters.encoder_calls) == (len(prompts[0].ids), 0)
    free = engine(planner, None).begin_several(asked[:4])
    want = [engine(planner, None).complete(one.prompt, picture, None, one.sampling).ids[:1] for one in asked[:4]]
    assert [one.writing.result.ids for one in free] == want
    assert [one.writing.result.ids for one in (*begun[:2], later, begun[3])] == want


def test_no_more_prompts_go_into_a_pass_than_their_tokens_allow(planner):
    """The first always; the second where the first is under the limit."""
    asked = requests_of(planner, 4, 0.0)
    sizes = [len(one.prompt.ids) for one in asked]
    for tokens, count in ((1, 1), (sizes[0], 1), (sizes[0] + 1, 2), (sum(sizes), 4)):
        begun = engine(planner, None).begin_several(asked, tokens)
        assert [one is not None for one in begun] == [True] * count + [False] * (4 - count)


def test_prompts_that_are_too_much_together_are_fed_one_by_one(planner, monkeypatch):
    from agentmm.model import steps

    own, failed = steps.together, []

    def together(fed, last=False):
        if last and len(fed) > 1:
            failed.append(len(fed))
            raise MemoryError("too much together")
        return own(fed, last)

    asked = requests_of(planner, 6, 0.0)
    want = [engine(planner, None).complete(one.prompt, picture, None, one.sampling).ids for one in asked]
    monkeypatch.setattr(steps, "together", together)
    assert [done.ids for done in all_of(Batch(engine(planner, None)), asked)] == want
    assert failed


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_steps_of_many_threads_and_tasks_are_those_of_one(planner, media, temperature):
    """Under the grammar, with pictures and seeds: threads, then an event loop, then one after another."""
    chat = planner.model_copy(update={"temperature": temperature, "max_tokens": 20, "think": False})
    bound = chat.bind_tools(SPECS)
    asked = [
        [{"type": "image", "file_id": f"image_{1 + seed % 3}"}, {"type": "text", "text": f"How many {word}?"}]
        for seed, word in enumerate([*WORDS, "red", "what"])
    ]

    def ask(seed):
        return bound.invoke([HumanMessage(asked[seed])], media=media, seed=seed).response_metadata

    want = [ask(seed) for seed in range(8)]
    found = [None] * 8

    def into(seed):
        found[seed] = ask(seed)

    threads = [threading.Thread(target=into, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def every():
        steps = [bound.ainvoke([HumanMessage(asked[seed])], media=media, seed=seed) for seed in range(8)]
        return [said.response_metadata for said in await asyncio.gather(*steps)]

    for got in (found, asyncio.run(every())):
        assert [one["completion_ids"] for one in got] == [one["completion_ids"] for one in want]
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one["logp"], other["logp"], atol=1e-4)
    assert temperature == 0 or len({tuple(one["completion_ids"]) for one in want}) > 1
