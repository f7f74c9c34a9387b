"""The recipe: imagined episodes, captions, traces to rows, a whole tiny training with export and resume."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from agentmm.errors import ConfigError, TrainError, UsageError
from agentmm.media import Image, MediaStore
from agentmm.model import MultimodalLM, load_preset, train_tokenizer
from agentmm.planner.render import Renderer
from agentmm.trace import TraceStore
from agentmm.train.captions import caption_examples
from agentmm.train.imagined import imagine_episodes
from agentmm.train.manifest import check_manifest
from agentmm.train.nano import SIGNATURES, train_nano
from agentmm.train.rows import TraceRows, message_texts, render_trace, texts_of

QUESTION = "How many red circles are there?"


@pytest.fixture(scope="module")
def renderer():
    return Renderer(train_tokenizer([QUESTION, *SIGNATURES] * 5, vocab_size=500))


@pytest.fixture
def stores(tmp_path):
    return TraceStore(tmp_path / "traces.db"), MediaStore(tmp_path / "media")


def gold(store, media, name, answer="3", source="gold", split="train"):
    record = media.add(Image(np.full((40, 60, 3), len(name), np.uint8)))
    tool = {"name": "detect", "version": "1", "signature": SIGNATURES[0]}
    store.append(
        name, "start",
        {"question": QUESTION, "media": {"image_1": record}, "tools": [tool], "source": source, "graph": "react"},
    )  # fmt: skip
    store.append(name, "plan", {"calls": [{"id": "c1", "tool": "detect", "arguments": {"image": "image_1"}}]})
    region = {"kind": "region", "of": "image_1", "box": [0, 0, 1, 1]}
    result = {"call": "c1", "tool": "detect", "observation": '{"count": 3}', "media": ["region_1"]}
    store.append(name, "results", {"results": [result], "media": {"region_1": region}})
    store.append(name, "plan", {"text": answer})
    store.append(name, "end", {"answer": answer, "status": "answered"})
    store.label(name, "question", {"split": split})


def test_default_signatures_are_the_tools_own():
    from agentmm.agent.agent import DEFAULT_TOOLS
    from agentmm.registry import load_tools

    assert tuple(tool.signature for tool in load_tools(DEFAULT_TOOLS)) == SIGNATURES


def test_a_trace_becomes_its_wire(renderer, stores):
    gold(*stores, "t1")
    rendered = render_trace(renderer, stores[0].get("t1"))
    assert renderer.decode(rendered.ids).replace("<image>", "") == (
        f"<|system|>{SIGNATURES[0]}<|end|><|user|>image_1 \n{QUESTION}<|end|>"
        '<|assistant|><tool_call>{"name": "detect", "arguments": {"image": "image_1"}}</tool_call><|end|>'
        '<|tool|>{"count": 3}<|end|><|assistant|>3<|end|>'
    )


def test_the_tokenizer_reads_no_text_of_questions_that_measure(stores):
    gold(*stores, "t1", answer="three")
    gold(*stores, "t22", answer="four", split="test")
    gold(*stores, "t333", answer="five", split="hard")
    gold(*stores, "t4444", answer="six")
    texts = list(texts_of(stores[0]))
    assert {"three", "six"} <= set(texts)
    assert not {"four", "five"} & set(texts)
    assert texts == list(texts_of(stores[0], limit=2))
    assert "six" not in list(texts_of(stores[0], limit=1))


def test_rows_grow_with_the_store_and_take_gold_of_the_split(renderer, stores, tmp_path):
    rows = TraceRows(*stores, renderer, tmp_path)
    assert not rows.refresh()
    gold(*stores, "t1")
    gold(*stores, "t22", source="sampled")
    gold(*stores, "t333", split="test")
    assert rows.refresh()
    assert len(rows.rows) == 1
    assert not rows.refresh()
    gold(*stores, "t4444")
    assert rows.refresh()
    rowset = rows.rowset()
    assert len(rowset) == 2
    assert rowset.pixels.shape == (2, 128, 128, 3)
    assert rowset.pixels[:, 64, 64, 0].tolist() == [2, 5]


def test_imagined_episodes_are_the_same_for_the_same_seed():
    first, again = (list(imagine_episodes(30, 5)) for _ in range(2))
    assert first == again
    assert len(first) > 20
    for messages in first:
        assert messages[0]["role"] == "user"
        assert messages[-1]["role"] == "assistant"
        calls = sum(len(message.get("tool_calls", ())) for message in messages)
        tools = [json.loads(message["content"]) for message in messages if message["role"] == "tool"]
        assert len(tools) == calls


def test_captions_are_seeded_and_true_to_form():
    first, again = (list(caption_examples(8, 3)) for _ in range(2))
    assert [one[1:] for one in first] == [one[1:] for one in again]
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert all(caption for _, _, caption in first)


def test_mean_imagined_episode_is_short(tmp_path):
    episodes = list(imagine_episodes(300, 9))
    texts = [text for episode in episodes for text in message_texts(episode)]
    renderer = Renderer(train_tokenizer([*texts, *SIGNATURES * 20]))
    records = {f"{kind}_{k}": {"kind": kind, "sha": ""} for kind in ("image", "audio") for k in range(1, 9)}
    lengths = [len(renderer.render(episode, SIGNATURES, records).ids) for episode in episodes]
    assert np.mean(lengths) <= 300
    assert all(len(renderer.encode(signature)) <= 15 for signature in SIGNATURES)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_whole_recipe_exports_and_resumes(stores, tmp_path):
    for k in range(4):
        gold(*stores, f"t{k}" + "x" * k)
    lines: list[str] = []
    settings = {"media": stores[1], "preset": "tiny", "episodes": 12, "log": lines.append}
    settings |= {"captions": 12, "glimpses": 20, "pictures": 64}
    folder = train_nano(0.03, tmp_path / "out", stores[0], **settings)
    facts = check_manifest(folder)
    assert set(facts["metrics"]) == {"lm", "eyes", "pt", "it"}
    assert facts["data"]["it"]["traces"] == 4
    MultimodalLM.from_pretrained(folder)
    again = train_nano(0.03, tmp_path / "out", stores[0], resume=True, **settings)
    assert check_manifest(again)["recipe"]["stages"]["it"]["steps"] == facts["recipe"]["stages"]["it"]["steps"]
    assert any(line.startswith("it: resumed") for line in lines)
    assert "eyes: resumed at its end" in lines
    (folder / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="differs from its manifest"):
        check_manifest(folder)


def test_a_start_with_another_projector_keeps_its_encoder_and_decoder(tmp_path, monkeypatch):
    start = train_nano(0.005, tmp_path / "a", stages=("lm",), preset="tiny", episodes=12)
    other = load_preset("tiny")
    other.components = {**other.components, "projector": {"name": "mlp_global", "merge": 2}}
    monkeypatch.setattr("agentmm.train.nano.load_preset", lambda name: copy.deepcopy(other))
    lines: list[str] = []
    still = {"rate": 0.0, "preset": "tiny", "captions": 12, "glimpses": 20, "log": lines.append}
    after = train_nano(0.005, tmp_path / "b", stages=("pt",), start=start, **still)
    assert any("projector" in line and "begun anew" in line for line in lines)
    before, now = (MultimodalLM.from_pretrained(folder).state_dict() for folder in (start, after))
    kept = [name for name in before if name in now and not name.startswith("projector")]
    assert any(name.startswith("encoder") for name in kept)
    assert all(torch.equal(before[name], now[name]) for name in kept)
    assert now["projector.up.weight"].shape[1] > before["projector.up.weight"].shape[1]


def test_parts_may_begin_anew_and_stay_frozen(tmp_path):
    start = train_nano(0.005, tmp_path / "a", stages=("lm",), preset="tiny", episodes=12)
    settings = {"preset": "tiny", "captions": 12, "glimpses": 20, "seed": 5}
    after = train_nano(
        0.005, tmp_path / "b", stages=("pt",), start=start, anew=("decoder",), frozen=("decoder", "encoder"), **settings
    )
    before, now = (MultimodalLM.from_pretrained(folder).state_dict() for folder in (start, after))
    same = {name for name in before if torch.equal(before[name], now[name])}
    assert {name for name in before if name.startswith("encoder")} <= same
    assert "decoder.model.embed_tokens.weight" not in same
    assert not any(name.startswith("projector") and name.endswith("weight") for name in same)
    assert set(check_manifest(after)["recipe"]["stages"]["pt"]["rates"]) == {"projector"}


def test_wrong_settings_are_one_clear_line(tmp_path, stores):
    with pytest.raises(UsageError, match="bad stages"):
        train_nano(1, tmp_path, stages=("sft",))
    with pytest.raises(TrainError, match="needs traces"):
        train_nano(0.01, tmp_path / "a", stages=("it",), preset="tiny", episodes=12)
    with pytest.raises(TrainError, match="no gold traces"):
        train_nano(0.01, tmp_path / "b", stores[0], stages=("it",), preset="tiny", episodes=12, media=stores[1])
