"""Traces of other makers' models are verified, and become rows to learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from agentmm import Agent
from agentmm.cli import run as run_cli
from agentmm.media import Audio, Image
from agentmm.planner.foreign import syntax as syntax_module
from agentmm.preference.stream import continuation, prefix
from agentmm.proof import replay, verify
from agentmm.tool import tool
from agentmm.trace import to_messages

PROVED = ("qwen2_5_vl", "qwen3_vl", "gemma3", "qwen2_audio", "gemma4")


@tool
def enlarge(image: Image, factor: int) -> Image:
    """Enlarge a picture.

    Args:
        image: what to enlarge.
        factor: how many times.
    """
    return Image(np.repeat(np.repeat(image.pixels[:20, :20], 2, 0), 2, 1))


@tool
def begin(audio: Audio) -> Audio:
    """The first half of a clip.

    Args:
        audio: the clip.
    """
    return audio.slice(0, audio.seconds / 2)


@pytest.fixture(scope="module")
def ran(planner, tmp_path_factory):
    """A family's name -> an agent that has run twice, and its first trace."""
    known: dict[str, Any] = {}

    def of(family: str, grammar: Any) -> tuple[Agent, Any]:
        if family not in known:
            grammar[0] = 1
            home = tmp_path_factory.mktemp(family)
            chat = planner(family, temperature=1.0, max_tokens=200)
            draw = np.random.default_rng(0)
            media: Any = PILImage.fromarray(draw.integers(0, 256, (48, 64, 3), dtype=np.uint8))
            if family == "qwen2_audio":
                media = Audio(draw.uniform(-0.5, 0.5, 9000).astype(np.float32), 16_000)
            agent = Agent(planner=chat, tools=[begin if family == "qwen2_audio" else enlarge], home=home, max_steps=2)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(syntax_module, "ANSWER_CHARACTERS", 20)  # a random model would talk for ever
                answer = agent.ask("What is it?", media=[media])
            known[family] = agent, answer.trace_id
        agent, name = known[family]
        return agent, agent.traces.get(name)

    return of


def failed(report: Any) -> set[tuple[int | None, str]]:
    return {(check.step, check.name) for check in report.checks if check.status == "failed"}


@pytest.mark.parametrize("family", PROVED)
def test_a_run_is_verified(family, ran, always_calls):
    agent, trace = ran(family, always_calls)
    report = verify(trace, agent.store, agent.planner)
    assert report.ok, str(report)
    assert {check.name for check in report.checks} == {"ids", "mask", "calls", "pixels", "logp", "blind"}
    assert len(trace.steps) == 2
    assert trace.steps[1].plan.media
    assert replay(trace, agent.store).same


def test_changes_are_found(ran, always_calls):
    agent, trace = ran("qwen2_5_vl", always_calls)
    changed = trace.model_copy(deep=True)
    changed.steps[1].plan.prompt_ids[3] += 1
    assert (1, "ids") in failed(verify(changed, agent.store, agent.planner))
    changed = trace.model_copy(deep=True)
    changed.steps[0].results[0].observation += "!"
    assert (1, "ids") in failed(verify(changed, agent.store, agent.planner))
    changed = trace.model_copy(deep=True)
    changed.steps[0].plan.calls[0].arguments = {"image": "image_9", "factor": 2}
    assert failed(verify(changed, agent.store, agent.planner)) == {(0, "calls")}
    changed = trace.model_copy(deep=True)
    changed.steps[1].plan.logp[0] -= 0.01
    assert failed(verify(changed, agent.store, agent.planner)) == {(1, "logp")}
    changed = trace.model_copy(deep=True)
    changed.tools[0].described["function"]["description"] = "Shrinks."
    assert (0, "ids") in failed(verify(changed, agent.store, agent.planner))


def test_a_planner_that_does_not_look_fails_the_blind_test(ran, always_calls, monkeypatch):
    agent, trace = ran("qwen2_5_vl", always_calls)
    own = agent.planner.pictures.shown
    monkeypatch.setattr(agent.planner.pictures, "shown", lambda medium, blank=False: own(medium))
    assert failed(verify(trace, agent.store, agent.planner)) == {(None, "blind")}


def test_what_cannot_be_compared_is_not_verifiable(ran, always_calls, planner):
    agent, trace = ran("qwen2_5_vl", always_calls)
    undescribed = trace.model_copy(deep=True)
    undescribed.tools[0].described = None
    report = verify(undescribed, agent.store, agent.planner)
    assert report.status == "not verifiable"
    assert "does not say how its tools were described; got 'enlarge'" in report.summary
    other = planner("qwen2_5_vl").model_copy(update={"weights_id": "other"})
    assert "loaded are other" in verify(trace, agent.store, other).summary


def test_log_probs_of_half_precision_are_not_compared(ran, always_calls, planner):
    agent, trace = ran("qwen2_5_vl", always_calls)
    half = planner("qwen2_5_vl")
    try:
        half.model.to(torch.bfloat16)
        report = verify(trace, agent.store, half)
    finally:
        half.model.to(torch.float32)
    found = {check.name: check.status for check in report.checks}
    assert (found["ids"], found["logp"]) == ("ok", "not verifiable")
    assert "the model runs in bfloat16; they are compared in float32" in report.summary


def test_the_command_verifies_by_the_recorded_name(ran, always_calls, capsys):
    agent, trace = ran("qwen2_5_vl", always_calls)
    store = str(agent.home / "traces.db")
    assert run_cli(["traces", "verify", trace.id, "--store", store]) == 0
    assert f"{trace.id}  ok" in capsys.readouterr().out


@pytest.mark.parametrize("family", ["qwen2_5_vl", "gemma3"])
def test_rows_carry_loss_where_the_planner_wrote(family, ran, always_calls):
    """A pair's prefix and continuation are the recorded ids, with nothing of our own wire between."""
    agent, trace = ran(family, always_calls)
    one, two = (step.plan for step in trace.steps)
    before, after = prefix(trace, 0), continuation(trace, 0)
    assert (before.ids, set(before.wrote)) == (one.prompt_ids, {0})
    assert after.ids == [*one.completion_ids, *two.prompt_ids, *two.completion_ids]
    assert after.wrote == [1] * len(one.completion_ids) + [0] * len(two.prompt_ids) + [1] * len(two.completion_ids)
    chat = agent.planner
    specs = [{"name": ref.name, "schema": ref.described} for ref in trace.tools]
    told = chat.telling.render(
        to_messages(trace), specs, trace.media, lambda sha: chat.pictures.shown(agent.store.get(sha))
    )
    assert [told.ids[at] for at, wrote in enumerate(told.loss_mask) if wrote] == one.completion_ids + two.completion_ids


@pytest.mark.parametrize("family", ["qwen2_5_vl", "mistral3", "lfm2_vl"])
def test_turns_without_ids_are_spelled_as_the_model_would_have_written_them(family, planner):
    """As for demonstrations of scripted planners: the loss is on call, answer and both ends, on nothing else."""
    chat = planner(family)
    call = {"name": "enlarge", "args": {"image": "image_1", "factor": 2}}
    messages = [
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "done"},
        {"role": "assistant", "content": "two <|im_end|> cats"},
    ]
    told = chat.telling.render(chat.telling.taught(messages), [], {}, lambda sha: None)
    wrote = [told.ids[start:end] for start, end in told.spans]
    assert len(wrote) == 2
    first, second = (chat.read(ids) for ids in wrote)
    assert first.calls == [("enlarge", {"image": "image_1", "factor": 2})]
    assert second.said == "two <|im_end|> cats"
    assert all(ids[-1] in chat.ends and not set(ids[:-1]) & set(chat.ends) for ids in wrote)
    assert told.loss_mask == [int(any(start <= at < end for start, end in told.spans)) for at in range(len(told.ids))]
    assert told.ids[told.spans[0][1]] not in chat.ends
    prompt = chat.telling.render(messages[:1], [], {}, lambda sha: None, generate=True).ids
    assert told.ids[: told.spans[0][0]] == prompt


def test_a_thought_that_the_template_opens_is_closed(checkpoint, tmp_path):
    import shutil

    from agentmm.planner import load_planner

    folder = shutil.copytree(checkpoint("qwen2_5_vl"), tmp_path / "thinking")
    file = folder / "chat_template.jinja"
    before, opening, after = file.read_text(encoding="utf-8").rpartition("<|im_start|>assistant\\n")
    file.write_text(f"{before}{opening}<think>\\n{after}", encoding="utf-8")
    chat = load_planner(f"hf:{folder}")
    ids = chat.telling.taught([{"role": "assistant", "content": "<think>4 - 1</think>3"}])[0]["response_metadata"]
    text = chat.processor.tokenizer.decode(ids["completion_ids"])
    assert text == "4 - 1\n</think>\n\n3<|im_end|>"
