"""Batches of `RayAgent` on a Ray without processes, whose workers are the real ones."""

import asyncio
import json
import logging
import threading
import time

import numpy as np
import pytest

from agentmm.agent import Agent
from agentmm.errors import UsageError
from agentmm.scale import RayAgent
from agentmm.scale.worker import Worker
from tests.scale.conftest import PLANNER, TOOLS
from tests.scale.fake_ray import FakeRay


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def ray(tmp_path, monkeypatch):
    """Workers that live in this process."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = FakeRay(lambda _: Worker("agentmm.scale.asking:AskingHost"))
    monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: made)
    return made


@pytest.fixture
def agent(home, ray):
    """An agent of one worker, which lives in this process."""
    with RayAgent(PLANNER, TOOLS, home=home, workers=1, at_once=2) as made:
        yield made


@pytest.fixture
def alone(home):
    with Agent(PLANNER, TOOLS, home=home) as made:
        yield made


@pytest.fixture
def notes(tmp_path):
    """A file that the tool `note` writes to, and the question that has it do so."""
    return tmp_path / "notes", f"note {tmp_path / 'notes'} once"


def test_a_batch_is_that_of_one_process(agent, tmp_path, picture):
    asked = ["double 1", ("look", picture), "paint 7", "crash", "sulk", "", ("look", ["/no/such/picture.png"])]
    answers = agent.batch(asked, name="all")
    with Agent(PLANNER, TOOLS, home=tmp_path / "other") as other:
        wanted = other.batch(asked, name="all")
        assert [(a.text, a.status, a.reason, a.trace_id) for a in answers] == [
            (a.text, a.status, a.reason, a.trace_id) for a in wanted
        ]
        for one in wanted:
            assert agent.traces.has(one.trace_id) is other.traces.has(one.trace_id)
            if other.traces.has(one.trace_id):
                assert agent.traces.get(one.trace_id).hash == other.traces.get(one.trace_id).hash


def test_an_attempt_that_has_an_answer_counts_whoever_made_it(agent, alone, notes, tmp_path, picture):
    path, question = notes
    late = tmp_path / "late.png"
    assert alone.batch([(question, [late])], name="n")[0].status == "failed"
    picture.save(late)
    (answer,) = agent.batch([(question, [late])], name="n")
    assert (answer.text, answer.trace_id) == ('told {"noted": "once"}', "n-1_2")
    for who in (alone, agent):
        again = who.batch([(question, [late])], name="n")[0]
        assert (again.text, again.trace_id) == (answer.text, "n-1_2")
    assert len(path.read_text().splitlines()) == 1
    picture.rotate(90, expand=True).save(late)
    for who in (alone, agent):
        with pytest.raises(UsageError, match="other media"):
            who.batch([(question, [late])], name="n")


def test_what_agent_answers_after_a_refusal_on_ray_counts_there(agent, alone, notes, tmp_path, picture):
    path, question = notes
    late = tmp_path / "late.png"
    assert [agent.batch([(question, [late])], name="n")[0].trace_id for _ in range(2)] == ["n-1", "n-1_2"]
    picture.save(late)
    answer = alone.batch([(question, [late])], name="n")[0]
    assert answer.status == "answered"
    assert agent.batch([(question, [late])], name="n")[0].trace_id == answer.trace_id
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize("planned", [False, True])
def test_a_run_that_failed_in_a_worker_is_asked_anew_by_agent(agent, alone, notes, planned):
    """It has no answer, as after a full disk there, and no checkpoint here."""
    path, question = notes
    agent.traces.append("h-1", "start", {"question": question, "graph": "react"})
    if planned:
        call = {"id": "call_1", "tool": "note", "arguments": {}}
        agent.traces.append("h-1", "plan", {"text": "", "calls": [call]})
    agent.traces.append("h-1", "error", {"error": "TraceError: the disk is full"})
    answer = alone.batch([question], name="h")[0]
    assert (answer.status, answer.trace_id) == ("answered", "h-1_2" if planned else "h-1")
    assert len(alone.traces.get(answer.trace_id).steps) == 2
    assert agent.batch([question], name="h")[0].trace_id == answer.trace_id
    assert len(path.read_text().splitlines()) == 1


def test_after_a_run_that_failed_in_a_worker_the_next_attempt_counts(agent, alone, notes):
    path, question = notes
    agent.traces.append("h-1", "start", {"question": question, "graph": "react"})
    agent.traces.append("h-1", "error", {"error": "TraceError: the disk is full"})
    for who in (agent, alone, agent):
        answer = who.batch([question], name="h")[0]
        assert (answer.status, answer.trace_id) == ("answered", "h-1_2")
    assert len(path.read_text().splitlines()) == 1


def test_a_question_that_began_after_a_refusal_is_not_finished(agent):
    agent.traces.append("n-1", "start", {"question": "double 1", "graph": "react"})
    agent.traces.append("n-1", "refused", {"error": "no picture"})
    agent.traces.append("n-1", "start", {"question": "double 1", "graph": "react"})
    with pytest.raises(UsageError, match="begun elsewhere, and a question is not finished; got 'n-1'"):
        agent.batch(["double 1"], name="n")


def test_two_batches_at_once_are_refused_and_disturb_nothing(agent):
    said = []

    def progress(done, total):
        try:
            agent.batch(["double 9"])
        except UsageError as error:
            said.append(str(error))

    answers = agent.batch(["double 1", "double 2"], progress=progress)
    assert [answer.text for answer in answers] == ['told {"number": 2}', 'told {"number": 4}']
    line = "these Ray workers are at work on another batch; try: one batch after another"
    assert said == [line, line]
    assert agent.batch(["double 9"])[0].text == 'told {"number": 18}'


def test_a_timeout_of_any_kind_of_number_is_sent_and_a_bad_one_fails_its_question(agent, alone):
    asked = [{"question": "double 1", "timeout": timeout} for timeout in (np.float32(30), "soon", -1, None)]
    answers, wanted = agent.batch(asked), alone.batch(asked)
    assert [answer.status for answer in answers] == ["answered", "failed", "failed", "answered"]
    assert [answer.reason for answer in answers] == [answer.reason for answer in wanted]


def test_settings_of_any_kind_of_number_are_sent(home, ray):
    given = {"seed": np.int64(3), "timeout": np.float32(30), "workers": np.int32(1), "cpus": np.float64(0.5), "gpus": 0}
    with RayAgent(PLANNER, TOOLS, home=home, **given) as agent:
        (answer,) = agent.batch(["double 1"])
        told = agent.traces.get(answer.trace_id)
    assert (told.seed, json.dumps(told.settings["timeout"])) == (3, "30.0")
    assert (ray.options[0]["num_cpus"], ray.options[0]["num_gpus"]) == (0.5, 0.0)


WHOLE, PART = "expected a whole number, 1 or more", "expected a number, 0.0001 or more"
NO_NUMBER = (-1, "2", True, None, float("nan"), float("inf"))


@pytest.mark.parametrize(
    ("name", "wrong", "line", "expected"),
    [
        ("workers", (0, 1.5, *NO_NUMBER), "a fleet needs workers", WHOLE),
        ("at_once", (0, 1.5, *NO_NUMBER), "a fleet needs at_once", WHOLE),
        ("cpus", (0, *NO_NUMBER), "a worker cannot have so many cpus", PART),
        (
            "gpus",
            [one for one in NO_NUMBER if one is not None],
            "a worker cannot have so many gpus",
            "expected a number, 0 or",
        ),
        (
            "timeout",
            (0, -1, "2", True, float("nan")),
            "a question cannot have such a timeout",
            "expected seconds, more than 0",
        ),
    ],
)
def test_amounts_that_cannot_be_are_refused_before_ray_is_started(home, monkeypatch, name, wrong, line, expected):
    monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: pytest.fail("Ray was looked for"))
    for one in wrong:
        with pytest.raises(UsageError) as caught:
            RayAgent(PLANNER, TOOLS, home=home, **{name: one})
        got = "" if one is None else f"; got {one!r}"
        assert str(caught.value).startswith(f"{line}{got}; {expected}")
        assert "\n" not in str(caught.value)
    assert not home.exists()


def test_a_closed_agent_says_so(agent, ray):
    agent.batch(["double 1"])
    started = len(ray.options)
    agent.close()
    agent.close()
    for way in (agent.batch, lambda asked: asyncio.run(agent.abatch(asked))):
        for asked in (["double 1"], []):
            with pytest.raises(
                UsageError, match=r"^this agent is closed; try: a new RayAgent\(...\), or close it later$"
            ):
                way(asked)
    assert len(ray.options) == started


def test_an_async_batch_is_that_of_batch_and_tells_its_progress_in_the_event_loop(agent, picture, caplog):
    asked = ["double 1", ("look", picture), "crash", "sulk", ("look", ["/no/such/picture.png"])]
    told = []
    caplog.set_level(logging.WARNING, "agentmm")

    def tell(done, total):
        told.append((done, total, threading.current_thread()))
        raise BrokenPipeError("gone")

    answers = asyncio.run(agent.abatch(asked, name="a", progress=tell))
    wanted = agent.batch(asked, name="b")
    assert [(a.text, a.status, a.reason) for a in answers] == [(a.text, a.status, a.reason) for a in wanted]
    assert [answer.trace_id for answer in answers] == [f"a-{number}" for number in range(1, 6)]
    assert told == [(number, 5, threading.current_thread()) for number in range(1, 6)]
    line = "the batch goes on, but its progress could not be told: BrokenPipeError: gone"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [line]
    with pytest.raises(UsageError, match="asked something else"):
        asyncio.run(agent.abatch(["double 2"], name="b"))
    assert asyncio.run(agent.abatch([])) == []


@pytest.mark.parametrize("loaded", [True, False])
def test_an_async_batch_that_is_cancelled_ends_its_workers_and_goes_on_under_its_name(agent, ray, loaded):
    """After its first answer, or while its worker loads, Ray has nothing to tell any more."""
    comes, usual, silent = [2 if loaded else 0], ray.wait, threading.Event()

    def wait(refs, **given):
        if comes[0] > 0:
            comes[0] -= 1
            return usual(refs, **given)
        silent.set()
        time.sleep(0.01)
        return [], refs

    asked = ["double 1", "double 2", "double 3"]
    told = []

    async def cancelled():
        batch = asyncio.create_task(agent.abatch(asked, name="n", progress=lambda *count: told.append(count)))
        await asyncio.to_thread(silent.wait)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch

    ray.wait = wait
    asyncio.run(cancelled())
    assert ray.killed == 1
    assert told == [(1, 3)] * loaded
    assert [row["id"] for row in agent.traces.summaries()] == ["n-1"] * loaded
    ray.wait = usual
    assert [answer.text for answer in agent.batch(asked, name="n")] == [f'told {{"number": {n}}}' for n in (2, 4, 6)]
