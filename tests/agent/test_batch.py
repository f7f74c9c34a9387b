"""Many questions side by side: the answers of `ask`, none ended by another, gone on with after kill -9."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agentmm.agent import Agent
from agentmm.errors import UsageError
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.tool import tool
from agentmm.world.program import Call
from tests.agent import killed_batch

KILLS = 6
TOOLS = ["measure_colour", "calculate"]


@tool(isolation="thread")
def double(number: float) -> dict:
    """Doubles a number."""
    if number < 0:
        raise RuntimeError("broken")
    return {"number": 2 * number}


def doubling(number):
    def program():
        (seen,) = yield [Call("double", {"number": number})]
        return f"it is {seen['number']:g}"

    return program


@pytest.fixture
def agent(make):
    return make(ScriptedPlanner(programs={f"double {number}": doubling(number) for number in range(-1, 9)}), [double])


def test_answers_stand_in_the_order_of_the_questions(agent):
    asked = [f"double {number}" for number in range(9)]
    want = [f"it is {2 * number}" for number in range(9)]
    assert [answer.text for answer in agent.batch(asked, workers=4)] == want
    assert [answer.text for answer in asyncio.run(agent.abatch(asked, workers=4))] == want
    assert agent.batch([]) == []


def bad(picture):
    """Questions, of which the second, third and fifth cannot be asked, and the sixth ends badly."""
    return [
        "double 1",
        ("double 2", ["/no/such/picture.png"]),
        "",
        {"question": "double 3", "media": [picture]},
        {"resume": "nothing"},
        "double -1",
        "double 4",
    ]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_question_that_fails_ends_no_other(agent, picture, asynchronous):
    asked = bad(picture)
    answers = asyncio.run(agent.abatch(asked)) if asynchronous else agent.batch(asked)
    good = {0: "it is 2", 3: "it is 6", 6: "it is 8"}
    assert {index: answer.text for index, answer in enumerate(answers) if answer.status == "answered"} == good
    assert [answer.status for answer in answers] == [
        *("answered", "failed", "failed", "answered", "failed", "failed", "answered"),
    ]
    reasons = [answers[index].reason for index in (1, 2, 4, 5)]
    for reason, words in zip(reasons, ("picture.png", "question is empty", "no run of that id", "broken"), strict=True):
        assert words in reason
    assert [bool(answers[index].trace_id) for index in (1, 2, 4, 5)] == [True, False, False, True]
    for index in (1, 5):
        trace = agent.traces.get(answers[index].trace_id)
        assert (trace.question, trace.status, trace.error) == (
            asked[index] if index == 5 else "double 2",
            "failed",
            answers[index].reason,
        )


@pytest.mark.parametrize("asked", [7, ("a", "b", "c"), {"question": "q", "colour": "red"}, None])
def test_what_is_no_question_is_refused_before_any_is_asked(agent, asked):
    with pytest.raises(UsageError, match="question"):
        agent.batch(["double 1", asked])
    assert len(agent.traces) == 0


def test_progress_is_told_after_each_answer(agent):
    told = []
    agent.batch(["double 1", "", "double 2"], workers=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("patience", "terminal", "said"), [(0.0, True, True), (0.0, False, False), (9.0, True, False)])
def test_a_line_counts_on_a_terminal_once_it_takes_a_while(agent, monkeypatch, patience, terminal, said):
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("agentmm.agent.many._PATIENCE_S", patience)
    agent.batch(["double 1", "double 2"])
    assert stream.getvalue() == ("\rbatch: 1/2 answered\rbatch: 2/2 answered\n" if said else "")


def test_a_named_batch_asks_only_what_has_no_answer(make, tmp_path):
    calls = []

    @tool(isolation="thread")
    def note(number: float) -> dict:
        """Notes a number."""
        calls.append(number)
        return {"number": number}

    def noting(number):
        def program():
            (seen,) = yield [Call("note", {"number": number})]
            return f"{seen['number']:g}"

        return program

    def again():
        return make(ScriptedPlanner(programs={f"note {number}": noting(number) for number in range(4)}), [note])

    asked = [f"note {number}" for number in range(4)]
    assert [answer.text for answer in again().batch(asked[:2], name="day")] == ["0", "1"]
    answers = again().batch(asked, name="day")
    assert [(answer.text, answer.trace_id) for answer in answers] == [(str(k), f"day-{k + 1}") for k in range(4)]
    assert sorted(calls) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="asked something else"):
        again().batch(["note 3"], name="day")
    with pytest.raises(UsageError, match="no thread of their own"):
        again().batch([{"question": "note 1", "thread": "x"}], name="day")
    with pytest.raises(UsageError, match="not a batch's name"):
        again().batch(["note 1"], name="a.b")
    assert sorted(calls) == [0, 1, 2, 3]


def test_a_question_that_could_not_begin_is_asked_again_under_its_name(make, tmp_path, picture):
    agent = make(ScriptedPlanner(programs={"double 1": doubling(1)}), [double])
    path = tmp_path / "late.png"
    asked = [("double 1", [path])]
    for _ in range(2):
        (missing,) = agent.batch(asked, name="day")
        assert (missing.status, missing.trace_id) == ("failed", "day-1")
        known = agent.traces.get("day-1")
        assert (known.question, known.status, known.error, known.steps) == ("double 1", "failed", missing.reason, [])
    with pytest.raises(UsageError, match=r"that question could not begin: .*late.png does not exist.*ask it again"):
        agent.resume("day-1")
    with pytest.raises(UsageError, match="asked something else"):
        agent.batch(["double 2"], name="day")
    picture.save(path)
    (there,) = agent.batch(asked, name="day")
    assert (there.text, there.trace_id) == ("it is 2", "day-1")
    known = agent.traces.get("day-1")
    assert (known.answer, known.status, known.error, len(known.media)) == ("it is 2", "answered", None, 1)
    assert agent.batch(asked, name="day")[0].text == "it is 2"
    assert agent.ask("double 1", thread="day-1").trace_id == "day-1.2"


def test_a_trace_of_what_could_not_begin_is_one_of_its_own(agent):
    (missing,) = agent.batch([{"question": "double 1", "media": ["/no/such/picture.png"], "thread": "shop"}])
    assert missing.trace_id not in ("", "shop")
    assert agent.ask("double 1", thread="shop").trace_id == "shop"
    assert agent.ask("double 2", thread=missing.trace_id).trace_id == missing.trace_id
    assert agent.traces.get(missing.trace_id).answer == "it is 4"


def test_a_named_batch_is_asked_of_the_same_media_alone(make, tmp_path, picture):
    agent = make(ScriptedPlanner(programs={"double 1": doubling(1)}), [double])
    first, other = tmp_path / "a.png", tmp_path / "b.png"
    picture.save(first)
    picture.rotate(90, expand=True).save(other)
    asked = [("double 1", [first]), ("double 1", [other])]
    agent.batch(asked, name="day")
    assert [answer.text for answer in agent.batch(asked, name="day")] == ["it is 2"] * 2
    with pytest.raises(UsageError, match="other media"):
        agent.batch(asked[::-1], name="day")


@pytest.mark.parametrize("name", [None, "day"])
def test_the_one_medium_of_a_question_may_be_an_array_or_bytes(agent, picture, name):
    file = io.BytesIO()
    picture.save(file, "PNG")
    for medium in (np.zeros((4, 4, 3), np.uint8), bytearray(file.getvalue())):
        named = None if name is None else f"{name}-{type(medium).__name__}"
        for _ in range(2):
            assert [answer.text for answer in agent.batch([("double 1", medium)], name=named)] == ["it is 2"]


def test_a_name_that_another_begins_with_is_another(agent):
    for name in ("Night", "night"):
        answers = agent.batch([f"double {number}" for number in range(12)], name=name)
        assert [answer.status for answer in agent.batch([f"double {n}" for n in range(12)], name=name)] == [
            answer.status for answer in answers
        ]
        assert not any("several traces" in (answer.reason or "") for answer in answers)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_is_told_of_the_progress_changes_no_answer_and_a_callback_that_raises_is_told_once(
    agent, caplog, asynchronous
):
    called = []
    caplog.set_level(logging.WARNING, "agentmm")

    def tell(done, total):
        called.append(done)
        raise BrokenPipeError("stdout\ngone")

    asked = ["double 1", "double 2", "double 3"]
    batch = agent.abatch(asked, progress=tell) if asynchronous else None
    answers = asyncio.run(batch) if batch is not None else agent.batch(asked, progress=tell)
    assert [answer.text for answer in answers] == ["it is 2", "it is 4", "it is 6"]
    assert [agent.traces.get(answer.trace_id).status for answer in answers] == ["answered"] * 3
    assert called == [1, 2, 3]
    line = "the batch goes on, but its progress could not be told: BrokenPipeError: stdout gone"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [line]


def test_what_is_no_list_and_threads_that_stand_twice_are_refused(agent):
    with pytest.raises(UsageError, match="list of questions"):
        agent.batch("double 1")
    with pytest.raises(UsageError, match="one thread"):
        agent.batch([{"question": "double 1", "thread": "t"}, {"question": "double 2", "thread": "t"}])


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Homes of batches that were killed at random moments and asked again."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.agent.killed_batch", str(folder), str(KILLS)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=600)
    return [folder / str(number) for number in range(KILLS)]


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_batch_goes_on_and_makes_no_call_again(homes, number):
    home = homes[number]
    answers = json.loads((home / "answers.json").read_text())
    written, before = (home / "notes").read_text().split(), (home / "before").read_text().split()
    assert len(written) == len(set(written))
    assert written[: len(before)] == before
    cut_off = 0
    for index, (question, answer) in enumerate(zip(killed_batch.QUESTIONS, answers, strict=True)):
        assert (answer["status"], answer["trace"]) == ("answered", f"night-{index + 1}")
        for line, said in zip(killed_batch.lines_of(question), answer["text"].split(), strict=True):
            assert said in (line, "?")
            assert said == "?" or line in written
            cut_off += said == "?"
    assert cut_off <= 3  # one call of each question that was being answered


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_batch_on_one_model_leaves_the_traces_of_one_after_another(tmp_path, temperature):
    """A tiny random planner under the grammar, with pictures and a seed: threads, then an event loop."""
    torch = pytest.importorskip("torch")
    from tests.planner.kit import tiny

    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 256, (24, 24, 3), dtype=np.uint8) for _ in range(3)]
    asked = [(f"How many {word}?", pictures[:count]) for word in ("red", "blue", "dots") for count in range(3)]
    hashes = []
    torch.set_num_threads(1)
    for workers in (0, 6):
        planner = tiny(temperature=temperature, think=False)
        with Agent(
            planner, ["measure_colour", "calculate"], home=tmp_path / str(workers), seed=3, max_steps=3
        ) as agent:
            if workers:
                answers = agent.batch(asked, workers=workers)
                assert planner.batching.most > 2
                answers += asyncio.run(agent.abatch(asked, workers=workers))
            else:
                answers = 2 * [agent.ask(*one) for one in asked]
            traces = [agent.traces.get(answer.trace_id) for answer in answers]
        hashes.append([trace.hash for trace in traces])
        assert all(trace.steps for trace in traces)
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == len(asked)


def test_what_is_no_batch_is_wrong_usage_and_told_by_its_number(agent):
    expected = "expected a string, (question, media) or a dict of ask's arguments"
    wrong = {
        ("double 1", None): f"number 2 of the batch is None, not a question; {expected}",
        ("double 1", "double 2", 3): f"number 3 of the batch is not a question; got 3; {expected}",
    }
    for asked, line in wrong.items():
        with pytest.raises(UsageError) as found:
            agent.batch(list(asked))
        assert str(found.value) == line
    with pytest.raises(UsageError, match=r"no such part \(number 2 of the batch\); got 'words'"):
        agent.batch(["double 1", {"words": "double 2"}])
    for asked in (None, 3):
        with pytest.raises(UsageError, match="a batch is a list of questions"):
            agent.batch(asked)
    for workers in ("4", 0, 2.5, None):
        with pytest.raises(UsageError, match=r"a batch needs workers; (got .*; )?expected a whole number, 1 or more"):
            agent.batch(["double 1"], workers=workers)
        with pytest.raises(UsageError, match="a batch needs workers"):
            asyncio.run(agent.abatch(["double 1"], workers=workers))
    with pytest.raises(UsageError, match="not a batch's name; got 3"):
        agent.batch(["double 1"], name=3)


def test_a_closed_agent_says_so(agent):
    trace = agent.ask("double 1").trace_id
    agent.close()
    agent.close()
    ways = [
        lambda: agent.ask("double 1"),
        lambda: asyncio.run(agent.aask("double 1")),
        lambda: list(agent.stream("double 1")),
        lambda: agent.batch(["double 1"]),
        lambda: asyncio.run(agent.abatch(["double 1"])),
        lambda: agent.resume(trace),
        lambda: agent.approve(trace),
        lambda: agent.deny(trace),
    ]
    for way in ways:
        with pytest.raises(UsageError, match="this agent is closed"):
            way()
