"""Foreign sessions give what the library's own uncached forward gives: step by step, interleaved, forked, evicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from PIL import Image

from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.exactness import measure
from agentmm.planner.foreign.features import Features
from agentmm.planner.foreign.session import ForeignSession
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling
from tests.foreign.checkpoints import AUDIO, FAMILIES, INEXACT

# glm4v's processor calls np.array on a tensor, which numpy 2 warns of
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SEEING = [family for family in FAMILIES if family not in (*AUDIO, *INEXACT)]
RIGID = ("qwen3_5", "gemma3", "gemma4", "lfm2_vl", "aya_vision", "cohere2_vision")  # slide, convolve or recur
SIZES = {"a": (60, 40), "b": (40, 80), "c": (48, 48), "d": (60, 40)}
SPECS = [
    {
        "name": "zoom",
        "description": "Zooms.",
        "signature": "zoom(image:Image)",
        "params": [
            {
                "name": "image",
                "modality": "Image",
                "accepts": ["Image"],
                "choices": [],
                "required": True,
                "whole": False,
            }
        ],
        "schema": {"type": "function", "function": {"name": "zoom", "description": "Zooms.", "parameters": {}}},
    }
]
MEDIA = {f"image_{number}": {"kind": "image", "sha": sha} for number, sha in enumerate(SIZES, 1)}
FREE = Sampling(max_tokens=5)


def picture(sha: str) -> Image.Image:
    width, height = SIZES[sha]
    draw = np.random.default_rng(ord(sha))
    return Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))


def asked(words: str, *numbers: int) -> HumanMessage:
    shown = [{"type": "image", "file_id": f"image_{number}"} for number in numbers]
    return HumanMessage([*shown, {"type": "text", "text": words}])


def called(ids: list[int]) -> AIMessage:
    call = {"name": "zoom", "args": {"image": "image_1"}, "id": "call_0"}
    return AIMessage("", tool_calls=[call], response_metadata={"completion_ids": ids})


def returned(*numbers: int) -> ToolMessage:
    shown = [{"type": "image", "file_id": f"image_{number}"} for number in numbers]
    return ToolMessage([{"type": "text", "text": '{"image": "image_3"}'}, *shown], tool_call_id="call_0")


def told_of(chat: Any, messages: list[Any]) -> Any:
    return chat.telling.render(messages, SPECS, MEDIA, picture, generate=True)


def library(chat: Any, ids: list[int], told: Any) -> torch.Tensor:
    """Logits `[T, V]` by the library alone: its processor, its positions, no cache."""
    row, given = torch.tensor([ids]), {}
    if told.images:
        marks = chat.wire.marks.image * len(told.images)
        shown = [picture(placed.sha) for placed in told.images]
        given = dict(chat.processor(text=marks, images=shown, return_tensors="pt", add_special_tokens=False))
        kinds = (row == chat.model.config.image_token_id).long()
        given |= {name: kinds for name in ("token_type_ids", "mm_token_type_ids") if name in given}
    given |= {"input_ids": row, "attention_mask": torch.ones_like(row), "use_cache": False}
    with torch.inference_mode():
        return chat.model(**given).logits[0]


def agree(logits: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
    first, second = expected.topk(2).values
    assert first - second <= 1e-3 or logits.argmax() == expected.argmax()


def written(chat: Any, told: Any, count: int = 4) -> tuple[list[int], Any]:
    """Greedy tokens of a step, each step's logits compared with the library's; what the step cost."""
    with torch.inference_mode():
        session, logits, step, counters = chat.engine.fed(told, picture)
        ids: list[int] = []
        for _ in range(count):
            agree(logits, library(chat, [*told.ids, *ids], told)[-1])
            ids.append(int(logits.argmax()))
            logits = step(ids[-1])
    chat.engine.sessions.keep(session)
    return ids, counters


@pytest.mark.parametrize("family", SEEING)
def test_each_token_of_an_episode_equals_the_librarys_own_uncached_forward(family, planner):
    chat = planner(family)
    messages, known = [asked("What is it?", 1, 2)], []
    for result in (returned(3), returned(), None):
        told = told_of(chat, messages)
        assert told.ids[: len(known)] == known
        ids, counters = written(chat, told)
        assert counters.cached_tokens == len(known)  # all that was fed: the last token written is fed as well here
        assert counters.prefill_tokens == len(told.ids) - len(known)
        known = [*told.ids, *ids]
        messages += [called(ids), result] if result else []
    assert counters.encoder_calls == 0


@pytest.mark.parametrize("family", SEEING)
def test_a_greedy_completion_is_what_the_librarys_generate_writes(family, planner):
    chat = planner(family)
    told = told_of(chat, [asked("What is it?", 1)])
    done = chat.engine.complete(told, picture, None, Sampling(max_tokens=6))
    row = torch.tensor([told.ids])
    given = dict(chat.processor(text=chat.wire.marks.image, images=[picture("a")], return_tensors="pt"))
    kinds = (row == chat.model.config.image_token_id).long()
    given |= {name: kinds for name in ("token_type_ids", "mm_token_type_ids") if name in given}
    given |= {"input_ids": row, "attention_mask": torch.ones_like(row)}
    with torch.inference_mode():
        whole = chat.model.generate(**given, max_new_tokens=6, do_sample=False, eos_token_id=list(chat.ends))
    logits = library(chat, [*told.ids, *done.ids], told)[len(told.ids) - 1 : -1]
    gaps = logits.topk(2).values
    sure = int((gaps[:, 0] - gaps[:, 1] > 1e-3).long().cumprod(0).sum())
    assert done.ids[:sure] == whole[0, len(told.ids) :].tolist()[:sure]
    own = logits.log_softmax(-1)[range(len(done.ids)), done.ids]
    np.testing.assert_allclose(done.logp, own.numpy(), atol=1e-4)


@pytest.mark.parametrize("family", SEEING)
def test_interleaved_and_forked_episodes_equal_each_alone(family, planner):
    chat = planner(family)
    alone = ForeignModel(chat.model, chat.pictures, chat.ends, None)
    begun = [[asked("Which is red?", 1)], [asked("Which is red?", 4)]]
    first = [chat.engine.complete(told_of(chat, messages), picture, None, FREE) for messages in begun]
    grown = [[*begun[at], called(first[at].ids), returned(number)] for at, number in ((0, 3), (1, 2), (0, 2), (1, 3))]
    for messages in [*grown, *begun, *reversed(grown)]:
        told = told_of(chat, messages)
        got, want = (model.complete(told, picture, None, FREE) for model in (chat.engine, alone))
        assert got.ids == want.ids
        np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
        assert got.counters.cached_tokens > 0
        assert want.counters.cached_tokens == 0


@pytest.mark.parametrize("family", SEEING)
def test_a_step_is_sampled_again_from_its_prompts_end(family, planner):
    chat = planner(family)
    told = told_of(chat, [asked("What is it?", 1, 2)])
    first = chat.engine.complete(told, picture, None, Sampling(1.0, 5, seed=1))
    again, other = (chat.engine.complete(told, picture, None, Sampling(1.0, 5, seed=seed)) for seed in (1, 2))
    assert again.ids == first.ids
    assert other.ids != first.ids
    left = 0 if family in RIGID else 1  # one token gives the logits again, where they are not kept
    assert {done.counters.prefill_tokens for done in (again, other)} == {left}
    np.testing.assert_allclose(again.logp, first.logp, atol=1e-4)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "gemma3", "lfm2_vl"])
def test_eviction_costs_time_only(family, planner):
    chat = planner(family)
    small = ForeignModel(chat.model, chat.pictures, chat.ends, Sessions(1, ForeignSession))
    messages = [asked("What is it?", 1)]
    for _ in range(2):
        told = told_of(chat, messages)
        kept, evicted = (model.complete(told, picture, None, FREE) for model in (chat.engine, small))
        assert evicted.ids == kept.ids
        np.testing.assert_allclose(evicted.logp, kept.logp, atol=1e-4)
        assert evicted.counters.cached_tokens == 0
        messages += [called(kept.ids), returned(3)]
    assert small.sessions is not None
    assert len(small.sessions) == 0
    assert 0 < chat.engine.sessions.bytes <= chat.cache_bytes


@pytest.mark.parametrize("family", SEEING)
def test_a_picture_that_comes_again_is_not_encoded_again(family, planner):
    chat = planner(family)
    chat.engine.complete(told_of(chat, [asked("What is it?", 1, 2)]), picture, None, FREE)
    held = chat.engine.features.bytes
    _, counters = written(chat, told_of(chat, [asked("Which is red?", 2, 3, 1, 3)]), 2)  # as the library has it
    assert counters.encoder_calls == 1
    assert 0 < held < chat.engine.features.bytes


@pytest.mark.parametrize("family", ["qwen3_vl", "gemma3"])
def test_features_without_room_cost_time_only(family, planner):
    chat = planner(family)
    features = Features(chat.model, chat.pictures, limit_bytes=1)
    small = ForeignModel(chat.model, chat.pictures, chat.ends, None, features=features)
    told = told_of(chat, [asked("What is it?", 1, 2)])
    for _ in range(2):
        kept, evicted = (model.complete(told, picture, None, FREE) for model in (chat.engine, small))
        assert evicted.counters.encoder_calls == 2
        np.testing.assert_allclose(evicted.logp, kept.logp, atol=1e-4)
    assert features.bytes == 0


def test_features_that_are_not_exact_are_not_used(planner, monkeypatch):
    chat = planner("llava")
    own = chat.model.get_image_features

    def wrong(**given):
        made = own(**given)
        made.pooler_output = [one + 1 for one in made.pooler_output]
        return made

    monkeypatch.setattr(chat.model, "get_image_features", wrong)
    measured = measure(chat.model, chat.pictures, chat.spelling)
    assert (measured.exact, measured.features) == (True, False)


def test_weights_of_few_bits_are_held_to_the_bound_of_half_precision(planner, monkeypatch):
    """They round what meets them: 1 % of the largest logit is too much in float32, and less than the 3 % of those."""
    chat, own = planner("llava"), ForeignModel.uncached

    def rounding(engine, told, load, places):
        logits = own(engine, told, load, places)
        return logits + 0.01 * logits.abs().max()

    monkeypatch.setattr(ForeignModel, "uncached", rounding)
    assert not measure(chat.model, chat.pictures, chat.spelling).exact
    monkeypatch.setattr(chat.model, "is_quantized", True, raising=False)
    assert measure(chat.model, chat.pictures, chat.spelling).exact


@pytest.mark.parametrize("family", ["qwen3_vl", "idefics3", "gemma3"])
def test_equal_ids_with_another_picture_are_not_taken_from_the_cache(family, planner):
    chat = planner(family)
    one, other = (told_of(chat, [asked("What is it?", number)]) for number in (1, 4))
    other.ids[: len(one.ids)] = [*one.ids]  # as if both pictures had one handle
    assert one.images[0].picture.ids == other.images[0].picture.ids
    chat.engine.complete(one, picture, None, FREE)
    done = chat.engine.complete(other, picture, None, FREE)
    assert done.counters.cached_tokens <= other.images[0].start
    expected = library(chat, [*other.ids, *done.ids], other)[len(other.ids) - 1 : -1].log_softmax(-1)
    np.testing.assert_allclose(done.logp, expected[range(len(done.ids)), done.ids].numpy(), atol=1e-4)


@pytest.mark.parametrize("family", SEEING)
def test_the_renderer_spells_as_the_processor_does(family, planner):
    """A conversation without recorded ids, written as one text with the template's marks, through the processor."""
    chat = planner(family)
    said = AIMessage("", tool_calls=[{"name": "zoom", "args": {"image": "image_1"}, "id": "call_0"}])
    messages = [asked("What is it?", 1, 2), said, returned(3)]
    told = told_of(chat, messages)
    pieces = chat.wire.pieces(messages, SPECS, MEDIA, generate=True)
    text = "".join(chat.wire.marks.image if piece.kind == "image" else piece.text for piece in pieces)
    shown = [picture(placed.sha) for placed in told.images]
    bos = chat.processor.tokenizer.bos_token
    begins = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
    read = chat.processor(text=text, images=shown, return_tensors="pt", **begins)["input_ids"][0].tolist()
    assert told.ids == read


def test_a_model_whose_cache_is_wrong_runs_uncached(planner, monkeypatch):
    chat = planner("qwen2_5_vl")
    del chat.__dict__["exactness"]
    own = chat.model.forward

    def forward(past_key_values=None, **given):
        out = own(past_key_values=past_key_values, **given)
        out.logits = out.logits + (past_key_values is not None)
        return out

    monkeypatch.setattr(chat.model, "forward", forward)
    assert not chat.exactness.exact
    assert "cached logits differ by 1" in chat.exactness.why
    told = told_of(chat, [asked("What is it?", 1)])
    for _ in range(2):
        done = chat.engine.complete(told, picture, None, FREE)
        assert done.counters.cached_tokens == 0
        expected = library(chat, [*told.ids, *done.ids], told)[len(told.ids) - 1 : -1].log_softmax(-1)
        np.testing.assert_allclose(done.logp, expected[range(len(done.ids)), done.ids].numpy(), atol=1e-4)


def test_a_model_that_takes_no_positions_has_no_exact_path(planner, monkeypatch):
    chat = planner("llava")
    del chat.__dict__["exactness"]
    own = chat.model.forward

    def forward(input_ids, **given):
        if "position_ids" in given:
            raise TypeError("forward() got an unexpected keyword argument 'position_ids'")
        return own(input_ids=input_ids, **given)

    monkeypatch.setattr(chat.model, "forward", forward)
    assert not chat.exactness.exact
    assert "position_ids" in chat.exactness.why
