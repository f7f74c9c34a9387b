import asyncio
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from agentmm.agent import DEFAULT_TOOLS, Agent, drawing
from agentmm.errors import BudgetError, ConfigError, MediaError, PlannerError, UsageError
from agentmm.media import Image
from agentmm.planner.function import FunctionPlanner
from agentmm.tool import tool
from agentmm.world.program import Call, concluded
from tests.nodes import kit


def look():
    (seen,) = yield [Call("halves", {"image": "image_1"})]
    handle = seen["found"][1].split()[0]
    (colour, value) = yield [Call("measure_colour", {"image": handle}), Call("calculate", {"expression": "6*7"})]
    return f"{colour['colour']} {value['value']} [{handle}] [{handle}] [region_9]"


TOOLS = [kit.halves, "measure_colour", "calculate"]


def test_ask_gives_an_answer_with_its_regions_and_calls(make, picture):
    answer = make(look, TOOLS).ask("Which colour?", media=[picture])
    assert answer.text == "red 42 [region_2] [region_2] [region_9]"
    assert answer.plain == answer.as_json()["plain"] == "red 42"
    assert answer.model_copy(update={"text": "[region_8] 98.89 [sic]"}).plain == "98.89 [sic]"
    assert (answer.status, answer.reason) == ("answered", None)
    assert [(region.handle, region.box, region.source) for region in answer.regions] == [
        ("region_2", (32.0, 0.0, 64.0, 48.0), "image_1")
    ]
    assert [(call["step"], call["tool"], call["error"]) for call in answer.steps] == [
        (1, "halves", None),
        (2, "measure_colour", None),
        (2, "calculate", None),
    ]
    assert answer.steps[2]["observation"] == '{"value": 42}'
    assert (answer.counters["steps"], answer.counters["calls"], answer.counters["errors"]) == (3, 3, 0)
    assert list(answer.media) == ["image_1"]
    assert {"answer", "status", "trace_id", "steps", "counters"} <= set(answer.as_json())
    json.dumps(answer.as_json())


def test_the_stream_tells_everything_in_order(make, picture):
    events = list(make(look, TOOLS).stream("Which colour?", [picture]))
    kinds = ["planned", "called", "result", "planned", "called", "called", "result", "result", "planned", "answer"]
    assert [event.kind for event in events] == kinds
    assert events[2].tool == "halves"
    assert events[5].arguments == {"expression": "6*7"}
    assert events[-1].answer.status == "answered"


def test_thoughts_are_told_apart_from_answers(make):
    def weigh():
        (seen,) = yield [Call("calculate", {"expression": "5 > 4"}, "five or four")]
        return concluded(f"5 > 4 is {seen['value']}", "five")

    agent = make(weigh, ["calculate"])
    events = list(agent.stream("Which is more?"))
    assert [(e.thought, e.text) for e in events if e.kind == "planned"] == [
        ("five or four", ""),
        ("5 > 4 is True", "five"),
    ]
    assert events[-1].answer.text == "five"
    trace = agent.traces.get(events[-1].answer.trace_id)
    assert (trace.answer, trace.steps[-1].plan.text) == ("five", "<think>5 > 4 is True</think>five")


def test_ask_aask_stream_and_batch_leave_the_same_trace(make, picture):
    agent = make(look, TOOLS)
    answers = [agent.ask("q", [picture]), asyncio.run(agent.aask("q", [picture]))]
    answers += [event.answer for event in agent.stream("q", [picture]) if event.kind == "answer"]
    answers += agent.batch([("q", [picture]), {"question": "q", "media": [picture]}])
    traces = [agent.traces.get(answer.trace_id) for answer in answers]
    assert len({trace.id for trace in traces}) == 5
    assert len({trace.hash for trace in traces}) == 1
    assert {(trace.graph, trace.status, len(trace.steps)) for trace in traces} == {("react", "answered", 3)}


def test_media_of_every_form_come_in_and_are_numbered(make, picture, tmp_path):
    picture.save(tmp_path / "a.png")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    array = np.asarray(picture)
    given = [tmp_path / "a.png", str(tmp_path / "a.png"), buffer.getvalue(), picture, array, Image(array)]
    agent = make(lambda: iter_answer("yes"), [])
    answer = agent.ask("q", media=given)
    assert list(answer.media) == [f"image_{k}" for k in range(1, 7)]
    assert len({record["sha"] for record in answer.media.values()}) == 2  # the file, and the pixels
    assert agent.store.get(answer.media["image_6"]).width == 64
    with pytest.raises(MediaError, match="not a medium"):
        agent.ask("q", media=[7])
    with pytest.raises(MediaError, match=r"^medium 2 \(bytes\) ") as found:
        agent.ask("q", media=[picture, b"no picture at all"])
    assert "/" not in str(found.value)


def iter_answer(text):
    yield from ()
    return text


def test_a_conversation_goes_on_with_its_media(make, picture):
    def second():
        (seen,) = yield [Call("measure_colour", {"image": "image_2"})]
        return seen["colour"]

    from agentmm.planner.scripted import ScriptedPlanner

    agent = make(ScriptedPlanner(programs={"first": look, "second": second}), TOOLS)
    first = agent.ask("first", [picture])
    blue = np.full((30, 30, 3), (20, 20, 220), dtype=np.uint8)
    again = agent.ask("second", [blue], thread=first.trace_id)
    assert (again.text, again.trace_id) == ("blue", f"{first.trace_id}.2")
    assert list(again.media) == ["image_1", "image_2"]
    assert [call["tool"] for call in again.steps] == ["measure_colour"]
    assert again.counters["steps"] == 2
    third = agent.ask("first", thread=again.trace_id)
    assert third.trace_id == f"{first.trace_id}.3"
    assert agent.traces.get(again.trace_id).answer == "blue"
    assert agent.ask("first", [picture], thread="my-shop").trace_id == "my-shop"


def test_approval_waits_and_goes_on(make, tmp_path):
    path = str(tmp_path / "notes")

    def program():
        (a, b) = yield [Call("note", {"path": path, "line": "a"}), Call("calculate", {"expression": "1+1"})]
        return f"{a.get('noted', 'refused')} {b['value']}"

    agent = make(program, [kit.note, "calculate"], approve=["note"])
    waiting = agent.ask("q")
    assert waiting.status == "needs_approval"
    assert [call["id"] for call in waiting.pending] == ["call_1"]
    assert agent.traces.get(waiting.trace_id).status == "needs_approval"
    assert agent.resume(waiting.trace_id).status == "needs_approval"
    with pytest.raises(UsageError, match="not finished"):
        agent.ask("more", thread=waiting.trace_id)
    with pytest.raises(UsageError, match="no such call waits; got 'call_7'; expected call_1"):
        agent.approve(waiting.trace_id, "call_7")
    assert agent.approve(waiting.trace_id, "call_1").text == "a 2"
    assert (tmp_path / "notes").read_text() == "a\n"
    assert agent.resume(waiting.trace_id).text == "a 2"
    assert agent.deny(agent.ask("q").trace_id).text == "refused 2"


def test_usage_is_checked(make, tmp_path):
    agent = make(look, TOOLS)
    with pytest.raises(UsageError, match="the question is empty"):
        agent.ask("  ")
    with pytest.raises(UsageError, match="no run of that id"):
        agent.resume("nothing")
    with pytest.raises(UsageError, match="not a thread's name"):
        agent.ask("q", thread="../x")
    with pytest.raises(UsageError, match=r"no tool of that name; got 'zom'.*zoom"):
        Agent("exerciser", ["zom"], home=tmp_path)
    with pytest.raises(UsageError, match="no graph of that name"):
        Agent("exerciser", [], "reactt", home=tmp_path)
    with pytest.raises(ConfigError, match="not a graph"):
        Agent("exerciser", [], 7, home=tmp_path)
    with pytest.raises(PlannerError, match="no planner of that name"):
        Agent("wat", [], home=tmp_path)
    with pytest.raises(BudgetError, match="max_steps"):
        Agent("exerciser", [], home=tmp_path, max_steps=0)


def test_a_graph_of_ones_own_is_taken(make, picture):
    from agentmm.graphs.react import build

    answer = make(look, TOOLS, graph=lambda planner, tools: build(planner, tools)).ask("q", [picture])
    assert answer.status == "answered"


def test_the_default_tools_exist_and_react_is_drawn():
    from agentmm.registry import available

    assert set(DEFAULT_TOOLS) <= set(available("tools"))
    assert "approve" in drawing("react")


def test_the_exerciser_reaches_every_light_tool(make, picture):
    tools = ["measure_colour", "zoom", "rotate", "calculate", "describe_media"]
    from agentmm.planner.exerciser import ExerciserPlanner

    answer = make(ExerciserPlanner(), tools).ask("q", [picture])
    assert {call["tool"] for call in answer.steps} == set(tools)
    assert all(call["error"] is None for call in answer.steps)


def test_langgraph_finds_its_factory():
    import inspect

    from agentmm.agent import studio

    named = json.loads((Path(__file__).parents[2] / "langgraph.json").read_text())["graphs"]["react"]
    assert named == "agentmm.agent.studio:react"
    assert not inspect.signature(studio.react).parameters


def test_an_interrupted_run_says_so_in_its_trace(make, tmp_path):
    def dies():
        yield [Call("note_and_die", {"path": str(tmp_path / "notes")})]

    agent = make(dies, [kit.note_and_die])
    with pytest.raises(KeyboardInterrupt):
        agent.ask("q")
    (trace,) = agent.traces.traces()
    assert (trace.status, trace.error) == ("failed", "interrupted")


def test_a_timeout_counts_from_the_given_moment_and_is_told_as_asked(make):
    agent = make(look, TOOLS)
    events = list(agent.stream("q", timeout=30, began=time.monotonic() - 31))
    assert (events[-1].answer.status, events[-1].answer.reason) == ("partial", "timeout=30 s is over")


@pytest.mark.parametrize("said", [None, 7, [1]])
def test_a_planner_that_says_nothing_usable_fails_in_one_line(make, said):
    answer = make(FunctionPlanner(function=lambda *_: said), TOOLS).ask("q")
    assert answer.status == "failed"
    assert "the planner said nothing usable" in answer.reason


def test_a_question_that_is_no_text_is_refused(make):
    with pytest.raises(UsageError, match="empty or no text"):
        make(look, TOOLS).ask(5)


def test_a_gate_holds_in_a_run_that_another_agent_resumes(make, tmp_path):
    path = tmp_path / "notes"

    def twice():
        seen = yield [Call("note", {"path": str(path), "line": "one"})]
        again = yield [Call("note", {"path": str(path), "line": "two"})]
        return f"{seen[0].get('noted')} {again[0].get('noted')}"

    asked = make(twice, [kit.note], approve=["note"]).ask("q")
    assert asked.status == "needs_approval"
    ungated = make(twice, [kit.note])
    waiting = ungated.deny(asked.trace_id, "call_1")
    assert (waiting.status, waiting.pending[0]["id"]) == ("needs_approval", "call_2")
    assert not path.exists()
    done = ungated.approve(asked.trace_id, "call_2")
    assert (done.status, path.read_text()) == ("answered", "two\n")


def test_a_long_complaint_of_a_tool_is_cut(make):
    @tool(isolation="thread")
    def complain() -> dict:
        """Complain at length."""
        raise ValueError("x" * 5_000_000)

    answer = make(lambda: (yield [Call("complain", {})]), [complain]).ask("q")
    assert answer.status == "failed"
    assert len(json.dumps(answer.as_json())) < 5000


def test_a_program_that_returns_nothing_gave_no_answer(make):
    def silent():
        yield [Call("calculate", {"expression": "1+1"})]

    assert make(silent, ["calculate"]).ask("q").reason == "the planner gave neither a call nor an answer"


def test_one_medium_or_none_needs_no_list(make, tmp_path):
    path = tmp_path / "white.png"
    PILImage.new("RGB", (8, 6), (255, 255, 255)).save(path)
    agent = make(lambda: (yield from ()) or "seen", ["calculate"])
    assert list(agent.ask("q", media=str(path)).media) == ["image_1"]
    assert list(agent.ask("q", media=path).media) == ["image_1"]
    assert list(agent.ask("q", media=PILImage.open(path)).media) == ["image_1"]
    assert list(agent.ask("q", media=None).media) == []


def test_text_that_no_file_can_hold_is_mended(make):
    def repeat():
        (seen,) = yield [Call("echo", {})]
        return str(seen["text"])

    def echo() -> dict:
        """Say what cannot be encoded."""
        return {"text": "a\ud800b"}

    agent = make(repeat, [tool(echo)])
    answer = agent.ask("what\ud800?")
    assert (answer.status, answer.text) == ("answered", "a?b")
    assert agent.traces.get(answer.trace_id).question == "what??"
