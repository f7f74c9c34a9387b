"""ChatMM and its cache session on a tiny random model: exactness, counters, forks, eviction, constraints."""

from __future__ import annotations

import json

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda

torch = pytest.importorskip("torch")

from agentmm.planner.chat import ChatMM  # noqa: E402 - after the skip
from agentmm.planner.completion import parse_completion  # noqa: E402 - after the skip
from agentmm.planner.local import Prompt  # noqa: E402 - after the skip
from agentmm.planner.session import Session, Sessions, common_prefix  # noqa: E402 - after the skip
from agentmm.planner.writing import Sampling  # noqa: E402 - after the skip
from tests.planner.kit import SPECS, engine, picture, prompt_of  # noqa: E402 - after the skip


def reference_logp(planner: ChatMM, prompt: Prompt, completion: list[int]) -> np.ndarray:
    """Log-probabilities of a completion by the model's own uncached forward over everything."""
    pixels = planner.processor.image_processor([picture(sha) for _, sha in prompt.images])["pixel_values"]
    ids = torch.tensor([[*prompt.ids, *completion]])
    with torch.inference_mode():
        logits = (
            planner.model(input_ids=ids, pixel_values=torch.as_tensor(np.asarray(pixels))).logits[0].log_softmax(-1)
        )
    first = len(prompt.ids) - 1
    return logits[range(first, first + len(completion)), completion].numpy()


def test_a_blind_planner_sees_every_picture_alike(planner, media):
    def logp(chat: ChatMM, handle: str) -> list[float]:
        blocks = [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": "red?"}]
        said = chat.bind_tools([]).invoke([HumanMessage(blocks)], media={"image_1": media[handle]})
        return said.response_metadata["logp"]

    seeing = planner.model_copy(update={"constrained": False})
    blind = seeing.model_copy(update={"blind": True, "keep_sessions": False})
    assert logp(seeing, "image_1") != logp(seeing, "image_2")
    assert logp(blind, "image_1") == logp(blind, "image_2")


def test_cached_steps_equal_the_uncached_forward(planner):
    local = engine(planner, Sessions())
    first = prompt_of(planner, ["red", "circle"], ["a"])
    done = local.complete(first, picture, sampling=Sampling(max_tokens=6))
    np.testing.assert_allclose(done.logp, reference_logp(planner, first, done.ids), atol=1e-4)
    more = prompt_of(planner, ["many", "what"], ["b"])
    start = len(first.ids) + len(done.ids)
    second = Prompt(
        [*first.ids, *done.ids, *more.ids], [*first.images, *((start + at, sha) for at, sha in more.images)]
    )
    again = local.complete(second, picture, sampling=Sampling(max_tokens=6))
    np.testing.assert_allclose(again.logp, reference_logp(planner, second, again.ids), atol=1e-4)
    # the last token of a completion is never fed by its own step, so the next step feeds it with what is new
    assert again.counters.prefill_tokens == len(more.ids) + 1
    assert again.counters.cached_tokens == start - 1
    assert (done.counters.encoder_calls, again.counters.encoder_calls) == (1, 1)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_guesses_change_nothing_but_time(planner, temperature):
    """A random model repeats itself, so that many guesses hold, and many do not."""
    ahead, alone = (engine(planner, Sessions(), ahead=ahead) for ahead in (True, False))
    guessed = 0
    for seed, word in enumerate(("red", "circle", "what", "image")):
        prompt = prompt_of(planner, ["how", "many", word, "how", "many"], ["a"])
        for length in (7, 30):  # the second goes on from a session that the first has left
            sampling = Sampling(temperature, length, seed)
            got, want = (local.complete(prompt, picture, sampling=sampling) for local in (ahead, alone))
            assert (got.ids, got.forced, got.ended) == (want.ids, want.forced, want.ended)
            np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
            np.testing.assert_allclose(got.logp_sampled, want.logp_sampled, atol=1e-4)
            np.testing.assert_allclose(got.logp, reference_logp(planner, prompt, got.ids), atol=1e-4)
            assert want.counters.guessed_tokens == 0
            guessed += got.counters.guessed_tokens
            prompt = Prompt([*prompt.ids, *got.ids, *planner.renderer.encode("how many")], prompt.images)
    assert guessed > 0 or temperature > 0


def test_a_session_holds_what_was_written_and_no_guess(planner):
    sessions = Sessions()
    local, prompt = engine(planner, sessions), prompt_of(planner, ["red", "red", "red"], ["a"])
    done = local.complete(prompt, picture, sampling=Sampling(max_tokens=20))
    assert done.counters.guessed_tokens > 0
    written = [*local.keys(prompt), *done.ids]
    held = sessions.find([*written, 5])
    assert held.keys == written[:-1]
    assert all(keys.shape[2] == values.shape[2] == len(written) - 1 for keys, values in held.layers)


def test_equal_ids_with_another_image_are_not_taken_from_the_cache(planner):
    local = engine(planner, Sessions())
    local.complete(prompt_of(planner, ["red", "circle"], ["a"]), picture, sampling=Sampling(max_tokens=2))
    other = prompt_of(planner, ["red", "circle"], ["b"])
    done = local.complete(other, picture, sampling=Sampling(max_tokens=4))
    assert done.counters.cached_tokens == len(planner.renderer.encode("red"))
    np.testing.assert_allclose(done.logp, reference_logp(planner, other, done.ids), atol=1e-4)


def test_interleaved_and_forked_conversations_equal_each_alone(planner):
    shared, alone = engine(planner, Sessions()), engine(planner, None)
    prompts = [prompt_of(planner, ["how", "many", word], ["a", "b"]) for word in ("red", "circle", "what", "image")]
    for prompt in [*prompts, *reversed(prompts)]:
        got, want = (local.complete(prompt, picture, sampling=Sampling(max_tokens=5)) for local in (shared, alone))
        assert got.ids == want.ids
        np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)


def test_eviction_costs_time_only(planner):
    prompts = [prompt_of(planner, ["how", word], ["a"]) for word in ("red", "circle", "what")]
    one = engine(planner, Sessions()).complete(prompts[0], picture, sampling=Sampling(max_tokens=2))
    small = engine(planner, Sessions(limit_bytes=1))
    assert [small.complete(p, picture, sampling=Sampling(max_tokens=2)).counters.cached_tokens for p in prompts] == [
        0,
        0,
        0,
    ]
    assert small.sessions is not None
    assert len(small.sessions) == 0
    assert small.complete(prompts[0], picture, sampling=Sampling(max_tokens=2)).ids == one.ids


@pytest.mark.parametrize(("least", "begins"), [(1e-9, True), (0.9, False)])
def test_a_token_comes_first_where_the_model_gives_it_a_chance(planner, least, begins):
    prompt = prompt_of(planner, ["how", "red"], ["a"])
    think = planner.renderer.token_id("<think>")
    free = engine(planner, None).complete(prompt, picture, sampling=Sampling(max_tokens=3))
    done = engine(planner, None).complete(
        prompt, picture, sampling=Sampling(max_tokens=3, first=think, first_from=least)
    )
    assert free.ids[0] != think
    assert (done.ids[0] == think, done.forced[0]) == (begins, begins)
    if begins:
        assert done.logp[0] < done.logp_sampled[0] == 0.0  # what the model gave it, and that there was no choice
    else:
        assert done.ids == free.ids


def test_images_seen_twice_meet_the_encoder_once(planner):
    done = engine(planner, Sessions()).complete(
        prompt_of(planner, ["red", "circle", "what"], ["a", "b", "a"]), picture, sampling=Sampling(max_tokens=2)
    )
    assert done.counters.encoder_calls == 2


def test_common_prefix_and_fork_by_hand():
    assert common_prefix([1, 2, ("a", 0)], [1, 2, ("b", 0)]) == 2
    k = torch.arange(6.0).reshape(1, 1, 3, 2)
    session = Session([1, ("a", 0), 2], [(k, k)], {"a": torch.zeros(1, 2)})
    assert session.fork(1).features == {}
    assert list(session.fork(2).features) == ["a"]
    assert session.fork(2).layers[0][0].shape == (1, 1, 2, 2)


def test_a_random_model_under_the_grammar_makes_only_legal_turns(planner, media):
    """Without thoughts: a random one is longer than the limit of tokens, and what is cut off is no turn."""
    question = HumanMessage(
        [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": "How many red circles?"}]
    )
    for seed in range(3):
        bound = planner.model_copy(update={"temperature": 1.5, "max_tokens": 120, "think": False}).bind_tools(SPECS)
        said = bound.invoke([question], media=media, seed=seed)
        assert isinstance(said, AIMessage)
        assert not said.invalid_tool_calls
        for call in said.tool_calls:
            assert call["name"] == "detect"
            assert call["args"]["image"] in media
        again = bound.invoke([question], media=media, seed=seed)
        assert again.response_metadata["completion_ids"] == said.response_metadata["completion_ids"]


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_grammar_and_guesses_give_what_the_grammar_alone_gives(planner, media, temperature, monkeypatch):
    blocks = [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": "How many red circles?"}]
    bound = planner.model_copy(update={"temperature": temperature, "max_tokens": 80, "think": False}).bind_tools(SPECS)
    for seed in range(3):
        said = []
        for ahead in (True, False):
            monkeypatch.setattr(bound.bound.local, "ahead", ahead)
            said.append(bound.invoke([HumanMessage(blocks)], media=media, seed=seed).response_metadata)
        assert said[0]["completion_ids"] == said[1]["completion_ids"]
        np.testing.assert_allclose(said[0]["logp"], said[1]["logp"], atol=1e-4)


def test_a_call_without_its_media_cannot_be_written(planner):
    bound = planner.model_copy(update={"temperature": 1.0, "max_tokens": 60}).bind_tools(SPECS)
    assert all(not bound.invoke([HumanMessage("red?")], media={}, seed=seed).tool_calls for seed in range(4))


class Steps(BaseCallbackHandler):
    """Keeps the counters that each step reports."""

    def __init__(self):
        self.counters = []

    def on_custom_event(self, name, data, **kwargs):
        if name == "agentmm.step":
            self.counters.append(data["counters"])


def test_an_episode_encodes_each_image_once_and_prefills_only_what_is_new(planner, media, monkeypatch):
    monkeypatch.setattr(planner.local, "sessions", Sessions())
    bound = planner.model_copy(update={"max_tokens": 8, "constrained": False}).bind_tools(SPECS)
    blocks = [{"type": "image", "file_id": handle} for handle in ("image_1", "image_2", "image_1")]
    messages = [HumanMessage([*blocks, {"type": "text", "text": "How many?"}])]
    renderer, signatures, steps, fed, known = planner.renderer, [SPECS[0]["signature"]], Steps(), [], 0
    for step in range(4):
        ids = renderer.render(messages, signatures, media, generate=True).ids
        fed.append((len(ids) - known, known))
        said = RunnableLambda(lambda given: bound.invoke(given, media=media)).invoke(messages, {"callbacks": [steps]})
        written = said.response_metadata["completion_ids"]
        assert said.usage_metadata["input_tokens"] == len(ids)
        call = {"name": "detect", "args": {"image": "image_1"}, "id": f"call_{step}"}
        turn = AIMessage("", tool_calls=[call], response_metadata={"completion_ids": written})
        seen = [{"type": "text", "text": json.dumps({"count": step})}]
        seen += [{"type": "image", "file_id": "image_3"}] if step == 1 else []  # a picture that a tool has made
        messages += [turn, ToolMessage(seen, tool_call_id=call["id"])]
        known = len(ids) + len(written) - 1  # the last written token is fed by the step after
    assert [(c["prefill_tokens"], c["cached_tokens"]) for c in steps.counters] == fed
    assert [c["encoder_calls"] for c in steps.counters] == [2, 0, 1, 0]  # three distinct images


def test_malformed_text_is_kept_as_an_invalid_call():
    from agentmm.planner.chat import said

    fields = said("<tool_call>{broken</tool_call><|end|>")
    assert [call["args"] for call in fields["invalid_tool_calls"]] == ["{broken"]
    assert said("3<|end|>")["content"] == "3"
    assert parse_completion("3").answer == "3"
