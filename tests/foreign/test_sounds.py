"""Models that hear: sounds in any turn, exact sessions, pictures beside sounds, and what is told in words."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from PIL import Image as PILImage
from safetensors.torch import load_file, save_file

from agentmm import Agent
from agentmm.errors import PlannerError
from agentmm.media import Audio, MediaStore
from agentmm.planner import load_planner
from agentmm.planner.foreign.engine import ForeignModel
from agentmm.planner.foreign.exactness import measure
from agentmm.planner.foreign.pictures import Pictures
from agentmm.planner.writing import Sampling
from agentmm.tool import tool
from agentmm.trace import TraceStore
from tests.foreign.checkpoints import AUDIO, BARE, HEARING

BOTH = [family for family in HEARING if family not in AUDIO]
RATE_HZ = 16_000
SECONDS = {"a": 0.5, "b": 0.8, "c": 0.31, "d": 0.5}
SHOWN = {"e": (60, 40)}
MEDIA = {
    **{f"audio_{at}": {"kind": "audio", "sha": sha, "seconds": SECONDS[sha]} for at, sha in enumerate(SECONDS, 1)},
    "image_1": {"kind": "image", "sha": "e", "width": 60, "height": 40},
    "video_1": {"kind": "video", "sha": "f", "seconds": 2.0},
}
FREE = Sampling(max_tokens=5)


def medium(sha: str) -> Any:
    draw = np.random.default_rng(ord(sha))
    if sha in SECONDS:
        return draw.uniform(-0.6, 0.6, round(SECONDS[sha] * RATE_HZ)).astype(np.float32)
    width, height = SHOWN[sha]
    return PILImage.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))


def asked(*handles: str) -> HumanMessage:
    shown = [{"type": handle.partition("_")[0], "file_id": handle} for handle in handles]
    return HumanMessage([*shown, {"type": "text", "text": "What is it?"}])


def called(ids: list[int]) -> AIMessage:
    call = {"name": "cut", "args": {"audio": "audio_1"}, "id": "call_0"}
    return AIMessage("", tool_calls=[call], response_metadata={"completion_ids": ids})


def returned(*handles: str) -> ToolMessage:
    return ToolMessage([{"type": "text", "text": "done"}, *asked(*handles).content[:-1]], tool_call_id="call_0")


def told_of(chat: Any, messages: list[Any]) -> Any:
    return chat.telling.render(messages, [], MEDIA, medium, generate=True)


def features(chat: Any, sounds: list[Any]) -> dict[str, Any]:
    """What the library makes of sounds, each alone where its processor takes one a text, or none."""
    processor = chat.processor
    if chat.model.config.model_type in BARE:
        read = [processor.feature_extractor(sound, sampling_rate=RATE_HZ, return_tensors="pt") for sound in sounds]
        return {"input_features": torch.cat([one["input_features"] for one in read])}
    read = [
        dict(processor(text=chat.wire.marks.audio, audio=[sound], sampling_rate=RATE_HZ, return_tensors="pt"))
        for sound in sounds
    ]
    names = [name for name in read[0] if name not in ("input_ids", "attention_mask", "mm_token_type_ids")]
    return {name: torch.cat(padded([one[name] for one in read])) for name in names}


def padded(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Features of one length in time, `[1, T, bands]`, or masks `[1, T]`."""
    longest = max(tensor.shape[1] for tensor in tensors)
    more = [(0, 0) * (tensor.dim() - 2) + (0, longest - tensor.shape[1]) for tensor in tensors]
    return [torch.nn.functional.pad(tensor, pad) for tensor, pad in zip(tensors, more, strict=True)]


def library(chat: Any, ids: list[int], told: Any) -> torch.Tensor:
    """Logits `[T, V]` by the library alone: its processor, its positions, no cache."""
    row = torch.tensor([ids])
    sounds = [medium(placed.sha) for placed in told.images if placed.sha in SECONDS]
    images = [medium(placed.sha) for placed in told.images if placed.sha not in SECONDS]
    given = features(chat, sounds) if sounds else {}
    if images:
        read = chat.processor(text=chat.wire.marks.image * len(images), images=images, return_tensors="pt")
        given |= {name: value for name, value in read.items() if name not in ("input_ids", "mm_token_type_ids")}
        if "mm_token_type_ids" in read:
            given["mm_token_type_ids"] = (row == chat.model.config.image_token_id).long()
    given |= {"input_ids": row, "attention_mask": torch.ones_like(row), "use_cache": False}
    with torch.inference_mode():
        return chat.model(**given).logits[0]


def written(chat: Any, told: Any, count: int = 3) -> tuple[list[int], Any]:
    """Greedy tokens of a step, each step's logits compared with the library's; what the step cost."""
    with torch.inference_mode():
        session, logits, step, counters = chat.engine.fed(told, medium)
        ids: list[int] = []
        for _ in range(count):
            expected = library(chat, [*told.ids, *ids], told)[-1]
            torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
            ids.append(int(logits.argmax()))
            logits = step(ids[-1])
    chat.engine.sessions.keep(session)
    return ids, counters


@pytest.mark.parametrize("family", HEARING)
def test_sessions_of_models_that_hear_are_exact(family, planner):
    chat = planner(family)
    assert chat.exactness.exact, chat.exactness.why
    assert chat.exactness.difference is not None
    assert chat.pictures.kinds == (("audio",) if family in AUDIO else ("image", "audio"))
    assert chat.wire.ticks.image_in_result is (None if family in AUDIO else True)


@pytest.mark.parametrize("family", HEARING)
def test_each_token_of_an_episode_with_sounds_equals_the_librarys_own_uncached_forward(family, planner):
    chat = planner(family)
    shown = () if family in AUDIO else ("image_1",)
    messages, known = [asked("audio_1", *shown, "audio_2")], []
    for result in (returned("audio_3"), returned(), None):
        told = told_of(chat, messages)
        assert told.ids[: len(known)] == known
        ids, counters = written(chat, told)
        assert counters.cached_tokens == len(known)
        known = [*told.ids, *ids]
        messages += [called(ids), result] if result else []
    assert [placed.sha for placed in told.images] == ["a", *("e" for _ in shown), "b", "c"]
    assert counters.encoder_calls == 0


@pytest.mark.parametrize("family", HEARING)
def test_forks_and_another_sound_of_the_same_length_equal_each_alone(family, planner):
    chat = planner(family)
    alone = ForeignModel(chat.model, chat.pictures, chat.ends, None)
    one, other = (told_of(chat, [asked(handle)]) for handle in ("audio_1", "audio_4"))
    other.ids[: len(one.ids)] = [*one.ids]  # as if both sounds had one handle
    assert one.images[0].picture.ids == other.images[0].picture.ids
    for told in (one, other, one, other):
        got, want = (model.complete(told, medium, None, FREE) for model in (chat.engine, alone))
        assert got.ids == want.ids
        np.testing.assert_allclose(got.logp, want.logp, atol=1e-4)
    assert got.counters.cached_tokens > 0
    first, second = (library(chat, told.ids, told)[-1] for told in (one, other))
    assert (first - second).abs().max() > 1e-3  # a wrong hit would show


@pytest.mark.parametrize("family", HEARING)
def test_a_conversation_with_sounds_only_grows(family, planner):
    chat = planner(family)
    messages = [asked("audio_1"), called([5, chat.ends[0]]), returned("audio_2"), called([6]), asked("audio_3")]
    told = [chat.telling.render(messages[:end], [], MEDIA, medium).ids for end in range(1, len(messages) + 1)]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(told))


def test_a_counting_template_leaves_its_count_out(planner):
    assert planner("qwen2_audio").wire.marks.audio == "<|audio_bos|><|AUDIO|><|audio_eos|>"


def text_of(chat: Any, *handles: str) -> str:
    pieces = chat.wire.pieces([asked(*handles)], [], MEDIA)
    return "".join(piece.text for piece in pieces if piece.kind == "plain")


def test_what_a_model_has_no_sense_for_is_told_in_words(planner):
    heard = text_of(planner("qwen2_audio"), "image_1", "audio_1", "video_1")
    assert "image_1: a picture of 60 x 40 px\naudio_1: \nvideo_1: a video of 2.0 s" in heard
    assert "image_1: \naudio_1: a clip of 0.5 s" in text_of(planner("llava"), "image_1", "audio_1")


def test_another_runs_record_describes_no_example(planner):
    block = {"type": "image", "file_id": "image_1", "sha": "ee"}
    pieces = planner("qwen2_audio").wire.pieces([HumanMessage([block])], [], MEDIA)
    assert [piece.text for piece in pieces if "picture" in piece.text] == ["a picture"]


@pytest.mark.parametrize(("family", "whole"), [("qwen2_audio", False), ("audioflamingo3", True), ("voxtral", True)])
def test_a_clip_whose_end_would_be_cut_off_is_told_in_words(family, whole, planner):
    """Its window is a second; two of the three read several windows."""
    chat = planner(family)
    long = np.random.default_rng(0).uniform(-0.5, 0.5, RATE_HZ * 3 // 2).astype(np.float32)
    told = chat.telling.render([asked("audio_1")], [], MEDIA, lambda _: long)
    said = chat.processor.tokenizer.decode(told.ids)
    assert bool(told.images) is whole
    assert ("audio_1: a clip of 1.5 s, too long to be heard at once: ask for a part of it" in said) is not whole


@pytest.mark.parametrize("family", ["qwen2_audio", "gemma4"])
def test_a_clip_is_heard_at_the_processors_rate(family, planner):
    pictures: Pictures = planner(family).pictures
    tone = (0.4 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)).astype(np.float32)
    assert pictures.rate_hz == RATE_HZ
    shown = pictures.shown(Audio(tone, 8000))
    assert (shown.shape, shown.dtype) == ((8000,), np.float32)
    expected = 0.4 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    assert np.abs(shown - expected)[:-2].max() < 0.02  # linear between the samples of a low tone
    assert not pictures.shown(Audio(tone, 8000), blank=True).any()


def test_a_processor_that_fails_on_a_sound_says_so_in_a_line(planner, monkeypatch):
    chat = planner("qwen2_audio")

    def broken(*given: Any, **named: Any) -> Any:
        raise ValueError("no ears today")

    monkeypatch.setattr(chat.pictures, "processor", broken)
    with pytest.raises(PlannerError, match=r"cannot read a sound: no ears today; got \[8000\]"):
        chat.telling.render([asked("audio_1")], [], MEDIA, medium)


def test_a_model_without_ears_hears_nothing_though_its_processor_could(checkpoint, tmp_path):
    """As the larger ones of a family, which share their processor with the smaller."""
    from transformers import AutoProcessor, Gemma4Config, Gemma4ForConditionalGeneration

    config = Gemma4Config.from_pretrained(checkpoint("gemma4"))
    config.audio_config = None
    Gemma4ForConditionalGeneration(config).save_pretrained(tmp_path)
    AutoProcessor.from_pretrained(checkpoint("gemma4")).save_pretrained(tmp_path)
    assert load_planner(f"hf:{tmp_path}").pictures.kinds == ("image",)


def test_of_a_model_that_speaks_the_part_that_thinks_is_loaded(checkpoint, planner, tmp_path):
    folder = checkpoint("qwen2_5_omni_thinker")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    whole = {"model_type": "qwen2_5_omni", "thinker_config": config, "enable_audio_output": False}
    for file in folder.iterdir():
        if file.suffix in (".json", ".jinja"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    weights = load_file(folder / "model.safetensors")
    named = {f"thinker.{name}": weight for name, weight in weights.items()}
    save_file(named, tmp_path / "model.safetensors", metadata={"format": "pt"})
    chat, own = load_planner(f"hf:{tmp_path}"), planner("qwen2_5_omni_thinker")
    state = own.model.state_dict()
    assert all(torch.equal(weight, state[name]) for name, weight in chat.model.state_dict().items())


@tool
def begin(audio: Audio) -> Audio:
    """The first half of a clip.

    Args:
        audio: the clip.
    """
    return audio.slice(0, audio.seconds / 2)


@pytest.mark.parametrize("family", ["qwen2_audio", "voxtral", "qwen2_5_omni_thinker"])
def test_an_agent_hears_what_it_is_given_and_what_tools_make(family, planner, tmp_path, always_calls):
    always_calls[0] = 1
    store = MediaStore(tmp_path / "home" / "media")
    clip = Audio(medium("a"), RATE_HZ)
    chat = planner(family, temperature=1.0, max_tokens=200)
    agent = Agent(planner=chat, tools=[begin], home=tmp_path / "home", max_steps=3)
    agent.ask("What is it?", media=[clip])
    (trace,) = TraceStore(tmp_path / "home" / "traces.db")
    plans = [step.plan for step in trace.steps]
    calls = plans[0].calls
    assert calls
    assert all((call.tool, call.arguments) == ("begin", {"audio": "audio_1"}) for call in calls)
    made = [trace.media[handle]["sha"] for result in trace.steps[0].results for handle in result.media]
    assert len(made) == len(calls)
    assert [plan.media for plan in plans[:2]] == [[clip.sha], made]
    cut = store.get(made[0])
    assert isinstance(cut, Audio)
    assert cut.seconds == pytest.approx(0.25, abs=1e-3)
    assert plans[1].counters["cached_tokens"] > 0


def test_an_encoder_that_hears_a_clip_otherwise_beside_a_longer_one_is_found_out(planner):
    """Gemma 3n's: pictures alone are exact; two clips are not, since the library pads one of them."""
    chat = planner("gemma3n")
    assert not chat.exactness.exact
    assert "cached logits differ" in chat.exactness.why
    assert measure(chat.model, Pictures(chat.processor, chat.wire.marks.image), chat.spelling).exact
