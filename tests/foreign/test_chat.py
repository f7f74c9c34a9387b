"""A foreign model as a chat model and inside an agent: calls, events, seeds, pictures that tools made."""

from __future__ import annotations

import re
import shutil
from typing import Any

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from PIL import Image as PILImage

from agentmm import Agent
from agentmm.errors import PlannerError
from agentmm.media import Image, MediaStore
from agentmm.planner import load_planner
from agentmm.planner.foreign import syntax as syntax_module
from agentmm.planner.foreign.session import ForeignSession
from agentmm.tool import tool
from agentmm.trace import TraceStore
from tests.foreign.test_sessions import SEEING

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@tool
def enlarge(image: Image, factor: int) -> Image:
    """Enlarge a picture.

    Args:
        image: what to enlarge.
        factor: how many times.
    """
    return Image(np.repeat(np.repeat(image.pixels[:20, :20], 2, 0), 2, 1))


@tool
def look_up(word: str, language: str = "en", exact: bool = False) -> str:
    """Look a word up.

    Args:
        word: the word.
        language: of the word.
        exact: whether nothing like it will do.
    """
    return f"{word} in {language}"


TOOLS: list[Any] = [enlarge, look_up]


@pytest.fixture
def media(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    store, draw = MediaStore(tmp_path / "media"), np.random.default_rng(3)
    pictures = [Image(draw.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(2)]
    return {f"image_{number}": store.add(picture) for number, picture in enumerate(pictures, 1)}


def asked(*handles: str) -> HumanMessage:
    return HumanMessage([*({"type": "image", "file_id": handle} for handle in handles), {"type": "text", "text": "?"}])


@pytest.mark.parametrize("family", SEEING)
def test_calls_are_legal_with_each_tokenizer(family, planner, media, always_calls):
    bound = planner(family, temperature=1.0, max_tokens=400).bind_tools(TOOLS)
    for seed in range(2):
        said = bound.invoke([asked("image_1")], media=media, seed=seed)
        assert said.tool_calls
        assert not said.invalid_tool_calls
        for call in said.tool_calls:
            assert call["name"] in ("enlarge", "look_up")
            if call["name"] == "enlarge":
                assert set(call["args"]) == {"image", "factor"}
                assert call["args"]["image"] in media
                assert isinstance(call["args"]["factor"], int)
            else:
                assert isinstance(call["args"]["word"], str)
                assert isinstance(call["args"].get("exact", False), bool)


@pytest.mark.parametrize("family", SEEING)
def test_an_answer_is_text(family, planner, media):
    said = planner(family, temperature=1.0, max_tokens=12).bind_tools([]).invoke([asked("image_1")], media=media)
    assert not said.tool_calls
    assert said.content.strip()


def test_a_template_that_opens_a_thought_gets_it_closed(checkpoint, tmp_path, media, monkeypatch):
    monkeypatch.setattr(syntax_module, "_THOUGHT", "[a-z ]{0,20}")
    monkeypatch.setattr(syntax_module, "ANSWER_CHARACTERS", 9)
    folder = shutil.copytree(checkpoint("qwen2_5_vl"), tmp_path / "thinking")
    file = folder / "chat_template.jinja"
    before, opening, after = file.read_text(encoding="utf-8").rpartition("<|im_start|>assistant\\n")
    file.write_text(f"{before}{opening}<think>\\n{after}", encoding="utf-8")
    chat = load_planner(f"hf:{folder}", max_tokens=200, temperature=1.0)
    assert chat.wire.thinks
    said = chat.bind_tools([]).invoke([asked("image_1")], media=media)
    thought, _, answer = str(said.content).partition("</think>")
    assert thought.startswith("<think>")
    assert answer.strip()


def test_the_same_seed_says_the_same_and_another_something_else(planner, media):
    bound = planner("qwen2_5_vl", temperature=1.0, max_tokens=8).bind_tools(TOOLS)
    ids = [bound.invoke([asked("image_1")], media=media, seed=s).response_metadata["completion_ids"] for s in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_a_blind_planner_sees_every_picture_alike(planner, media):
    def logp(chat: Any, handle: str) -> list[float]:
        said = chat.invoke([asked("image_1")], media={"image_1": media[handle]})
        return said.response_metadata["logp"]

    seeing = planner("qwen2_5_vl", constrained=False)
    blind = seeing.model_copy(update={"blind": True})
    assert logp(seeing, "image_1") != pytest.approx(logp(seeing, "image_2"), abs=1e-2)
    assert logp(blind, "image_1") == pytest.approx(logp(blind, "image_2"), abs=1e-4)
    assert logp(blind, "image_1") != pytest.approx(logp(seeing, "image_1"), abs=1e-2)


class Steps(BaseCallbackHandler):
    """Keeps what each step reports."""

    def __init__(self):
        self.events = []

    def on_custom_event(self, name, data, **kwargs):
        if name == "agentmm.step":
            self.events.append(data)


def test_a_step_reports_what_was_new(planner, media):
    chat, steps = planner("qwen3_vl", max_tokens=5, constrained=False), Steps()
    bound = chat.bind_tools(TOOLS)
    run = RunnableLambda(lambda messages: bound.invoke(messages, media=media))
    said = run.invoke([asked("image_1")], {"callbacks": [steps]})
    run.invoke([asked("image_1"), said, asked("image_2")], {"callbacks": [steps]})
    first, second = steps.events
    fields = {"prompt_ids", "completion_ids", "logp", "logp_sampled", "forced", "media", "counters"}
    assert set(first) == set(second) == fields
    assert (first["media"], second["media"]) == ([media["image_1"]["sha"]], [media["image_2"]["sha"]])
    assert first["completion_ids"] == said.response_metadata["completion_ids"]
    specs = [{**spec} for spec in bound.kwargs["tools"]]
    load = chat._loader(media)
    whole = chat.telling.render([asked("image_1"), said, asked("image_2")], specs, media, load, generate=True).ids
    assert [*first["prompt_ids"], *first["completion_ids"], *second["prompt_ids"]] == whole
    counters = second["counters"]
    assert counters["cached_tokens"] == len(first["prompt_ids"]) + len(first["completion_ids"]) - 1
    assert counters["prefill_tokens"] == len(second["prompt_ids"]) + 1
    assert (first["counters"]["encoder_calls"], counters["encoder_calls"]) == (1, 1)
    assert counters["cut_off"] == 1


def test_a_conversation_longer_than_the_context_is_refused(planner, media):
    chat = planner("qwen2_5_vl", max_tokens=4000)
    with pytest.raises(PlannerError, match=r"longer than the planner's context; got .* for 2 pictures"):
        chat.invoke([asked("image_1", "image_2")], media=media)


def test_a_context_too_short_for_tools_names_what_takes_the_most(planner, media, monkeypatch):
    chat = planner("qwen2_5_vl", max_tokens=16)
    monkeypatch.setattr(type(chat), "context", 256)
    with pytest.raises(PlannerError) as found:
        chat.bind_tools(TOOLS).invoke([asked("image_1")], media=media)
    line = str(found.value)
    parts = re.search(r"got '(\d+) tokens: (\d+) for 2 tools, (\d+) for 1 picture or sound, (\d+) for words'", line)
    assert parts is not None, line
    whole, *each = map(int, parts.groups())
    assert (sum(each), max(each)) == (whole, each[0])
    assert line.endswith(
        "expected at most 240 (256 less 16 for the answer); try: fewer tools (--tools NAME,NAME), "
        "or a model with a longer context (in Python also a lower load_planner(NAME, max_tokens=...))"
    )
    chat.max_tokens = 512
    with pytest.raises(PlannerError, match=r"expected at most 256 with the answer, for which 512 are kept"):
        chat.bind_tools(TOOLS).invoke([asked("image_1")], media=media)


def test_a_session_is_cut_before_a_picture_never_in_it():
    session = ForeignSession([1, 2, ("a", 0), ("a", 1), 3])
    assert [session.reach(shared, wanted) for shared, wanted in ((5, 9), (5, 5), (5, 4), (3, 9), (2, 9))] == [
        5,
        4,
        2,
        2,
        2,
    ]


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "qwen3_5", "gemma3", "lfm2_vl", "mistral3"])
def test_an_agent_runs_with_tools_and_sees_what_they_make(family, planner, tmp_path, always_calls):
    always_calls[0] = 2
    file = tmp_path / "noise.png"
    PILImage.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(file)
    chat = planner(family, temperature=1.0, max_tokens=300)
    agent = Agent(planner=chat, tools=[enlarge], home=tmp_path / "home", max_steps=4)
    answer = agent.ask("What is it?", media=[file])
    (trace,) = TraceStore(tmp_path / "home" / "traces.db")
    plans = [step.plan for step in trace.steps]
    assert answer.status in (("partial",) if plans[-1].counters["cut_off"] else ("answered", "unanswerable"))
    assert [bool(plan.calls) for plan in plans] == [True, True, False]
    made = [trace.media[handle]["sha"] for step in trace.steps for result in step.results for handle in result.media]
    assert made
    assert [sha for plan in plans[1:] for sha in plan.media] == made
    seen = 0
    for plan in plans:
        assert plan.has_ids
        assert plan.counters["cached_tokens"] == max(seen - 1, 0)
        seen += len(plan.prompt_ids or []) + len(plan.completion_ids or [])
        assert len(plan.logp or []) == len(plan.forced or []) == len(plan.completion_ids or [])
    assert trace.planner.weights == chat.weights_id


def test_recorded_ids_are_rendered_again_not_their_text(planner, media):
    chat = planner("qwen2_5_vl")
    end = chat.ends[0]
    said = AIMessage("other words", response_metadata={"completion_ids": [5, 6, 7, end]})
    told = chat.telling.render([asked("image_1"), said, HumanMessage("?")], [], media, chat._loader(media))
    at = told.written
    assert told.ids[at - 4 : at] == [5, 6, 7, end]
    assert told.ids[at : at + 2] != [end, end]
    assert told.ids[at] != end  # the end of the turn stands once
