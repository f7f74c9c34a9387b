"""Demonstrations before the questions of `RayAgent`, on a Ray without processes: those that `Agent` shows."""

import json
import shutil

import pytest
from PIL import Image as PILImage

from agentmm.agent import Agent
from agentmm.errors import UsageError
from agentmm.proof import replay
from agentmm.scale import RayAgent
from agentmm.scale.worker import Worker
from tests.scale.conftest import PARTS, PLANNER, TOOLS
from tests.scale.fake_ray import FakeRay, RayTaskError

SHOWN = f"{PARTS.with_name('shown_planner.py')}:shown"


@pytest.fixture
def ray(tmp_path, monkeypatch):
    """Workers that live in this process."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = FakeRay(lambda _: Worker("agentmm.scale.asking:AskingHost"))
    monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: made)
    return made


def painted(red):
    return PILImage.new("RGB", (24, 24), (red, 0, 0))


@pytest.fixture
def shown_home(tmp_path):
    """Finished runs of `look` (three pictures), `double` and `paint`; one that failed, one labelled wrong."""
    home = tmp_path / "shown"
    with Agent(PLANNER, TOOLS, home=home) as agent:
        for red in (10, 120, 240):
            agent.ask("look image_1 please", [painted(red)])
        for words in ("double 3", "double 4 now", "paint 7", "crash"):
            agent.ask(words)
        agent.traces.label(agent.ask("double 5").trace_id, "outcome", "wrong")
    return home


ASKED = ["double 9", ("look at this please", painted(110)), "paint 8", "double 3", "no such words", ""]


def both(tmp_path, planner, **given):
    """Answers and traces of a batch on Ray, and of one in this process."""
    said = []
    for make, options in ((RayAgent, {"workers": 1, "at_once": 2}), (Agent, {})):
        with make(planner, home=tmp_path / make.__name__, **given, **options) as agent:
            answers = agent.batch(ASKED, name="all")
            traces = [agent.traces.get(answer.trace_id) for answer in answers[:5]]
            assert agent.traces.has(answers[5].trace_id) is False
            assert all(replay(trace, agent.store).same for trace in traces)
            for trace in traces:
                blocks = [block for told in trace.examples for block in told["content"] if "sha" in block]
                assert all(block["sha"] in agent.store for block in blocks)
        said.append(([(answer.text, answer.status, answer.reason) for answer in answers], traces))
    return said


def test_a_planner_is_shown_what_it_is_shown_alone(ray, shown_home, tmp_path):
    (answers, traces), (wanted, there) = both(tmp_path, SHOWN, tools=TOOLS, examples=shown_home, k=2)
    assert answers == wanted
    assert [trace.hash for trace in traces] == [trace.hash for trace in there]
    assert answers[0][0] == "double 4 now | double 3 | double 9"
    assert answers[1][0] == "look image_1 please | look image_1 please | look at this please"
    assert answers[2][0] == "paint 7 | paint 8"
    assert answers[3][0] == "double 4 now | double 3"  # never the same words without media
    assert answers[4][0] == "no such words"
    look = {trace.examples[4]["content"][0]["sha"] for trace in traces[1:2]}
    with Agent(PLANNER, home=tmp_path / "RayAgent") as agent:
        assert [agent.store.get(sha).pixels[0, 0, 0] for sha in look] == [
            120
        ]  # the picture that looks most alike, last


@pytest.mark.parametrize(
    ("room", "runs"),
    [(0, [0, 0, 0, 0, 0]), (70, [1, 0, 1, 1, 0]), (140, [2, 1, 1, 1, 0]), (2000, [2, 2, 1, 1, 0])],
)
def test_a_planner_that_counts_tokens_is_shown_what_fits_it(ray, shown_home, tmp_path, room, runs):
    """Runs of `double` take 64 and 68 of its tokens, one of `paint` 65, of `look` 99; by letters 34, 35, 72 and 72."""
    pytest.importorskip("torch")
    from tests.scale.tiny_planner import planner

    name = f"{PARTS.with_name('tiny_planner.py')}:planner"
    given = {"tools": TOOLS, "examples": shown_home, "k": 2, "example_tokens": room, "max_steps": 1, "seed": 3}
    (answers, traces), (wanted, there) = both(tmp_path, name, **given)
    assert answers == wanted
    assert [trace.hash for trace in traces] == [trace.hash for trace in there]
    for trace in traces:
        assert len(planner.renderer.render(trace.examples).ids) <= room
    assert [sum(told["role"] == "user" for told in trace.examples) for trace in traces] == runs


def test_a_run_whose_picture_is_gone_is_not_shown(ray, shown_home, tmp_path):
    shutil.rmtree(shown_home / "media")
    (answers, traces), (wanted, there) = both(tmp_path, SHOWN, tools=TOOLS, examples=shown_home)
    assert answers == wanted
    assert [trace.hash for trace in traces] == [trace.hash for trace in there]
    assert (answers[0][0], answers[1][0]) == ("double 4 now | double 3 | double 9", "look at this please")


def test_a_question_whose_worker_is_lost_while_it_counts_is_shown_the_same(ray, shown_home, tmp_path):
    pytest.importorskip("torch")
    lost = []

    class Loses(Worker):
        def answer(self, told, *files):
            if "candidates" in json.loads(told) and len(lost) < 2:
                lost.append(told)
                raise RayTaskError("an argument is lost")
            return super().answer(told, *files)

    ray._make = lambda _: Loses("agentmm.scale.asking:AskingHost")
    name = f"{PARTS.with_name('tiny_planner.py')}:planner"
    (answers, traces), (wanted, there) = both(tmp_path, name, tools=TOOLS, examples=shown_home, max_steps=1)
    assert len(lost) == 2
    assert answers == wanted
    assert [trace.hash for trace in traces] == [trace.hash for trace in there]


def test_a_store_that_is_not_there_is_refused_at_once_and_a_planner_that_takes_none_by_its_worker(
    ray, shown_home, tmp_path
):
    with pytest.raises(UsageError, match="there is no trace store"):
        RayAgent(SHOWN, TOOLS, home=tmp_path, examples=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="fewer than none"):
        RayAgent(SHOWN, TOOLS, home=tmp_path, examples=shown_home, k=-1)
    with (
        RayAgent(PLANNER, TOOLS, home=tmp_path, examples=shown_home) as agent,
        pytest.raises(UsageError, match=r"^this planner takes no examples; got 'function:said'"),
    ):
        agent.batch(["double 1"])
