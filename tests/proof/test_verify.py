from types import SimpleNamespace

import pytest
import torch
from langchain_core.tools import StructuredTool

from agentmm.agent import Agent
from agentmm.proof import replay, verify
from agentmm.proof.reading import coarse
from tests.proof.tiny import cut, find, flaky, picture, planner, scripted

SAYS = [
    [("find", {"image": "image_1", "what": "circle"})],
    [("cut", {"region": "region_2"}), ("flaky", {"what": "dog"})],
    "2",
]


@pytest.fixture(scope="module")
def told():
    return planner(SAYS)


@pytest.fixture(scope="module")
def run(told, tmp_path_factory):
    with Agent(told, tools=[find, cut, flaky], home=tmp_path_factory.mktemp("home")) as agent:
        answer = agent.ask("How many?", [picture()])
        assert answer.text == "2"
        yield agent, answer.trace_id


@pytest.fixture
def trace(run):
    return run[0].traces.get(run[1])


def failed(report):
    return {(check.step, check.name) for check in report.checks if check.status == "failed"}


def test_every_check_passes(run, trace, told):
    report = verify(trace, run[0].store, told)
    assert report.ok, str(report)
    assert {check.name for check in report.checks} == {"ids", "mask", "calls", "pixels", "logp", "blind"}
    assert sum(check.name == "pixels" for check in report.checks) == 2
    assert replay(trace, run[0].store).same


def test_changed_ids_are_found(run, trace, told):
    trace.steps[1].plan.prompt_ids[3] += 1
    assert (1, "ids") in failed(verify(trace, run[0].store, told))


def test_a_changed_observation_is_found_in_the_next_prompt(run, trace, told):
    trace.steps[0].results[0].observation = '{"count": 3}'
    assert (1, "ids") in failed(verify(trace, run[0].store, told))


def test_a_changed_call_is_found(run, trace, told):
    trace.steps[0].plan.calls[0].arguments = {"image": "image_1", "what": "square"}
    assert (0, "calls") in failed(verify(trace, run[0].store, told))


def test_beside_a_malformed_call_the_others_are_still_compared(tmp_path):
    good = '<tool_call>{"name": "find", "arguments": {"image": "image_1", "what": "circle"}}</tool_call>'
    told = planner([f"{good}<tool_call>{{x</tool_call>", "2"])
    with Agent(told, tools=[find], home=tmp_path) as agent:
        answer = agent.ask("How many?", [picture()])
        assert [(call["tool"], bool(call["error"])) for call in answer.steps] == [("find", False), ("", True)]
        assert answer.steps[1]["arguments"] == {"raw": "{x"}
        assert verify(agent.traces.get(answer.trace_id), agent.store, told).ok
        for place, arguments in ((0, {"image": "image_1", "what": "square"}), (1, {"malformed": "{y"})):
            trace = agent.traces.get(answer.trace_id)
            trace.steps[0].plan.calls[place].arguments = arguments
            assert (0, "calls") in failed(verify(trace, agent.store, told))


def test_changed_log_probs_are_found(run, trace, told):
    trace.steps[2].plan.logp[0] += 0.01
    assert failed(verify(trace, run[0].store, told)) == {(2, "logp")}


def test_changed_pixels_are_found(run, trace, told, tmp_path):
    import shutil

    from agentmm.media import MediaStore

    shutil.copytree(run[0].store.root, tmp_path / "media")
    store = MediaStore(tmp_path / "media")
    path = store.path(trace.media["image_1"]["sha"])
    from PIL import Image as Pil

    with Pil.open(path) as image:
        changed = image.convert("RGB")
    changed.putpixel((0, 0), (1, 2, 3))
    changed.save(path)
    assert (0, "pixels") in failed(verify(trace, store, told))


def test_a_model_that_does_not_look_fails_the_blind_test(run, trace, told, monkeypatch):
    monkeypatch.setattr(
        told.model, "encode_images", lambda pixels: 0 * type(told.model).encode_images(told.model, pixels)
    )
    assert (None, "blind") in failed(verify(trace, run[0].store, told))


def test_a_step_without_ids_is_not_verifiable(told, tmp_path):
    with Agent(scripted("hello"), tools=[find], home=tmp_path) as agent:
        trace = agent.traces.get(agent.ask("Hi").trace_id)
        report = verify(trace, agent.store, told)
    assert (report.status, report.ok) == ("not verifiable", False)


def test_no_file_that_a_trace_names_is_run(run, trace, tmp_path):
    file = tmp_path / "planner.py"
    file.write_text("raise SystemExit('it was run')\n")
    trace.planner.name = f"{file}:planner"
    report = verify(trace, run[0].store)
    assert report.status == "not verifiable"
    assert "no file that a trace names is run" in str(report)


def test_other_weights_are_not_verifiable(run, trace, told):
    trace.planner.weights = "others"
    assert verify(trace, run[0].store, told).status == "not verifiable"


@pytest.mark.parametrize(
    ("dtype", "said"), [("float32", ""), ("float64", ""), ("bfloat16", "the model runs in bfloat16")]
)
def test_in_half_precision_log_probs_are_not_compared(dtype, said):
    why = coarse(SimpleNamespace(dtype=getattr(torch, dtype)))
    assert why.startswith(said)
    assert bool(why) == bool(said)


def test_a_tool_of_langchain_is_rendered_again(tmp_path):
    """It has no signature of its own; the trace keeps the line that the planner read."""

    def weigh(grams: float) -> str:
        """Weighs something."""
        return f"{grams} g"

    told = planner([[("weigh", {"grams": 2.0})], "2"])
    with Agent(told, tools=[StructuredTool.from_function(weigh)], home=tmp_path) as agent:
        trace = agent.traces.get(agent.ask("How heavy?").trace_id)
        assert trace.tools[0].signature == "weigh(grams:Number) Weighs something."
        report = verify(trace, agent.store, told)
        assert report.ok, str(report)
