"""Batches that were stopped, failed in part or were followed up, asked again; and what a failed question tells."""

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentmm.agent import Agent
from agentmm.errors import UsageError
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.tool import tool
from agentmm.world.program import Call

QUESTIONS = [f"question {number}" for number in range(6)]
STEPS = 5


class Notes:
    """A tool that notes each call, and does something once a number of them were made."""

    def __init__(self):
        self.made, self.at, self.then = [], 0, lambda: None
        self._lock = threading.Lock()

    def tool(self):
        @tool(isolation="thread")
        def note(line: str) -> dict:
            """Notes a line."""
            with self._lock:
                self.made.append(line)
                now = len(self.made) == self.at
            if now:
                self.then()
            time.sleep(0.01)
            return {"noted": line}

        return note


def lines_of(question):
    return [f"{question.split()[1]}{letter}" for letter in "abcde"]


def noting(question):
    """A note a step; the answer says what came back."""

    def program():
        seen = []
        for line in lines_of(question):
            (observation,) = yield [Call("note", {"line": line})]
            seen.append(observation.get("noted", "?"))
        return " ".join(seen)

    return program


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def agent(make, notes):
    return make(ScriptedPlanner(programs={question: noting(question) for question in QUESTIONS}), [notes.tool()])


@pytest.fixture
def heard():
    """Ctrl-C is heard, also where the tests run in the background of a shell that has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    """What Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def goes_on(agent, notes, most):
    """After it was stopped, at most so many calls were made; asked again, the batch makes each of the others once."""
    assert 4 <= len(notes.made) <= most
    begun = {line[0] for line in notes.made}
    for number in begun:
        trace = agent.traces.get(f"night-{int(number) + 1}")
        assert (trace.answer, trace.error) == (None, "interrupted")
        assert trace.calls
    answers = agent.batch(QUESTIONS, workers=2, name="night")
    assert [answer.text.split() for answer in answers] == [lines_of(question) for question in QUESTIONS]
    assert [answer.trace_id for answer in answers] == [f"night-{number}" for number in range(1, 7)]
    assert sorted(notes.made) == sorted(line for question in QUESTIONS for line in lines_of(question))


@pytest.mark.usefixtures("heard")
def test_ctrl_c_stops_the_questions_at_their_next_step(agent, notes):
    notes.at, notes.then = 4, interrupt
    with pytest.raises(KeyboardInterrupt):
        agent.batch(QUESTIONS, workers=2, name="night")
    goes_on(agent, notes, most=4 + 2)


def test_ctrl_c_while_questions_are_queued_begins_none_of_them(agent, notes, monkeypatch):
    """Python raises KeyboardInterrupt wherever the main thread is: here between two submissions."""
    raised, own = threading.Event(), ThreadPoolExecutor.submit

    def submit(pool, call, *given):
        if given == (5,):
            raised.set()
            raise KeyboardInterrupt
        return own(pool, call, *given)

    notes.at, notes.then = 1, lambda: (raised.wait(5), time.sleep(0.2))
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    with pytest.raises(KeyboardInterrupt):
        agent.batch(QUESTIONS, workers=1, name="night")
    assert {line[0] for line in notes.made} <= {"0"}
    assert not [trace for trace in range(2, 7) if agent.traces.has(f"night-{trace}")]


def test_a_batch_whose_task_is_cancelled_goes_on_later(agent, notes):
    async def stopped():
        loop, asked = (
            asyncio.get_running_loop(),
            asyncio.ensure_future(agent.abatch(QUESTIONS, workers=2, name="night")),
        )
        notes.at, notes.then = 4, lambda: loop.call_soon_threadsafe(asked.cancel)
        await asked

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stopped())
    assert 4 <= len(notes.made) <= 4 + 2
    answers = agent.batch(QUESTIONS, workers=2, name="night")
    assert [answer.status for answer in answers] == ["answered"] * 6


def failing_once(names):
    """A program of each name: the first time it raises, then it answers."""
    asked = []

    def of(name):
        def program():
            asked.append(name)
            if asked.count(name) == 1 and name != "good":
                raise RuntimeError("the server is down")
            return f"{name} it is"
            yield

        return program

    return asked, {name: of(name) for name in names}


def test_a_named_batch_asks_failed_questions_again_and_no_others(make):
    asked, programs = failing_once(["good", "bad", "worse"])
    agent = make(ScriptedPlanner(programs=programs), [])
    first = agent.batch(["good", "bad", "worse"], workers=1, name="day")
    assert [answer.status for answer in first] == ["answered", "failed", "failed"]
    second = agent.batch(["good", "bad", "worse"], workers=1, name="day")
    assert [answer.text for answer in second] == ["good it is", "bad it is", "worse it is"]
    assert [answer.trace_id for answer in second] == ["day-1", "day-2_2", "day-3_2"]
    assert [len(agent.traces.get(answer.trace_id).steps) for answer in second] == [1, 1, 1]
    third = asyncio.run(agent.abatch(["good", "bad", "worse"], workers=1, name="day"))
    assert [(answer.text, answer.trace_id) for answer in third] == [(one.text, one.trace_id) for one in second]
    assert asked == ["good", "bad", "worse", "bad", "worse"]
    assert agent.traces.get("day-2").status == "failed"


def test_a_question_that_was_followed_up_keeps_its_answer(make, notes):
    programs = {"question 0": noting("question 0"), "Sure?": lambda: iter(())}
    agent = make(ScriptedPlanner(programs=programs), [notes.tool()])
    (first,) = agent.batch(["question 0"], name="day")
    (known,) = agent.batch(["question 0"], name="day")
    assert agent.ask("Sure?", thread="day-1").trace_id == "day-1.2"
    (again,) = agent.batch(["question 0"], name="day")
    assert again.model_copy(update={"seconds": 0.0}) == known.model_copy(update={"seconds": 0.0})
    assert (again.text, again.status, again.trace_id, len(again.steps)) == (first.text, "answered", "day-1", STEPS)
    assert agent.resume("day-1").text == first.text


def test_a_finished_question_whose_checkpoint_is_lost_keeps_its_answer(make, notes, tmp_path):
    """Two homes have one trace store; the second has no checkpoints."""
    planner = ScriptedPlanner(programs={"question 0": noting("question 0")})
    one, two = (make(planner, [notes.tool()], home=tmp_path / home, traces=tmp_path / "traces.db") for home in "ab")
    (first,) = one.batch(["question 0"], name="day")
    (again,) = two.batch(["question 0"], name="day")
    assert (again.text, again.status, again.trace_id) == (first.text, "answered", "day-1")
    assert two.resume("day-1").text == first.text
    assert notes.made == lines_of("question 0")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_question_that_began_and_then_raised_tells_its_trace(make, notes, asynchronous, monkeypatch):
    agent = make(ScriptedPlanner(programs={"question 0": noting("question 0")}), [notes.tool()])
    own = agent.traces.append

    def append(trace, kind, payload):
        if kind == "results":
            raise OSError("No space left on device")
        own(trace, kind, payload)

    monkeypatch.setattr(agent.traces, "append", append)
    asked = ["question 0", ("question 0", ["/no/such/picture.png"])]
    answers = asyncio.run(agent.abatch(asked)) if asynchronous else agent.batch(asked)
    assert [answer.status for answer in answers] == ["failed", "failed"]
    assert "No space left" in answers[0].reason
    assert agent.traces.get(answers[0].trace_id).question == "question 0"
    assert agent.traces.get(answers[1].trace_id).error == answers[1].reason


def test_the_event_loop_goes_on_while_media_are_taken_in(make, picture, monkeypatch):
    """Hashing and decoding are held up until the loop has done something else."""
    agent = make(ScriptedPlanner(programs={"What is it?": lambda: iter(())}), [])
    went_on, own = threading.Event(), agent.store.add

    def add(*given, **named):
        assert went_on.wait(5)
        return own(*given, **named)

    monkeypatch.setattr(type(agent.store), "add", lambda self, *given, **named: add(*given, **named))

    async def ask():
        asyncio.get_running_loop().call_soon(went_on.set)
        return await agent.aask("What is it?", [picture])

    assert asyncio.run(ask()).media
    went_on.clear()

    async def ask_many():
        asyncio.get_running_loop().call_soon(went_on.set)
        return await agent.abatch([("What is it?", [picture])], name="day")

    assert asyncio.run(ask_many())[0].media


def test_a_batchs_name_is_of_one_planner(agent, notes, tmp_path):
    agent.batch(QUESTIONS[:2], workers=2, name="night")

    def other(messages, tools, media):
        return "seven"

    with Agent(other, [notes.tool()], home=tmp_path) as rival:
        with pytest.raises(UsageError, match=r"asked of another planner.*try: another name for this batch"):
            rival.batch(QUESTIONS[:2], workers=2, name="night")
        assert [answer.text for answer in rival.batch(QUESTIONS[:2], name="other")] == ["seven", "seven"]


@pytest.mark.parametrize("workers", [0, -1])
def test_a_batch_without_workers_is_refused(agent, workers):
    with pytest.raises(UsageError, match="a batch needs workers"):
        agent.batch(QUESTIONS, workers=workers)
    with pytest.raises(UsageError, match="a batch needs workers"):
        asyncio.run(agent.abatch(QUESTIONS, workers=workers))
