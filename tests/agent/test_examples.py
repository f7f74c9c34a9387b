"""Demonstrations before a question: which runs are shown, and that the trace of the question holds them."""

from __future__ import annotations

from typing import ClassVar

import pytest
from PIL import Image as PILImage

from agentmm.agent import Agent
from agentmm.errors import UsageError
from agentmm.planner.function import FunctionPlanner
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.proof import replay
from agentmm.trace import TraceStore, to_messages
from agentmm.world.program import Call
from tests.nodes import kit


class Shown(FunctionPlanner):
    """A planner that is shown demonstrations."""

    takes_examples: ClassVar[bool] = True


def program():
    (seen,) = yield [Call("halves", {"image": "image_1"})]
    return f"{len(seen['found'])} halves"


def sums():
    (value,) = yield [Call("calculate", {"expression": "2 + 3"})]
    return str(value["value"])


@pytest.fixture
def shown_home(tmp_path, picture):
    """A home with finished runs: two of halves, one of a sum, one labelled wrong, one that failed."""
    home = tmp_path / "shown"
    with Agent(ScriptedPlanner(program), [kit.halves, "calculate"], home=home) as agent:
        agent.ask("How many halves has the picture?", media=[painted("blue")])
        agent.ask("How many halves are there?", media=[painted("green")])
        wrong = agent.ask("How many halves of the picture are there?", media=[painted("white")])
        agent.traces.label(wrong.trace_id, "outcome", "wrong")
        agent.planner.program = sums
        agent.ask("How much is 2 + 3?")
    return home


def painted(colour):
    return PILImage.new("RGB", (64, 48), colour)


def shown_media(shown_home):
    store = TraceStore(shown_home / "traces.db")
    records = [record for trace in store for record in trace.media.values()]
    store.close()
    return records


def asking(home, shown_home, seen, **options):
    def answer(messages, tools, media):
        seen[:] = messages
        return "two"

    options = {"tools": [kit.halves, "calculate"], "examples": shown_home, **options}
    return Agent(Shown(function=answer), home=home, **options)


def texts(messages):
    return [message.text for message in messages if message.type == "human"]


def test_the_most_similar_runs_stand_before_the_question_the_nearest_last(tmp_path, shown_home, picture):
    seen = []
    with asking(tmp_path / "own", shown_home, seen) as agent:
        answer = agent.ask("How many halves are in there?", media=[picture])
        trace = agent.traces.get(answer.trace_id)
        assert replay(trace, agent.store).same
    assert texts(seen)[:2] == ["How many halves has the picture?", "How many halves are there?"]
    assert [message.type for message in seen] == [*["human", "ai", "tool", "ai"] * 2, "human"]
    assert [message["role"] for message in trace.examples] == ["user", "assistant", "tool", "assistant"] * 2
    assert to_messages(trace)[:8] == trace.examples


def test_pictures_of_another_home_are_brought_along(tmp_path, shown_home, picture):
    seen = []
    with asking(tmp_path / "own", shown_home, seen, k=1) as agent:
        agent.ask("How many halves are in there?", media=[picture])
        (block,) = [block for block in seen[0].content if block["type"] == "image"]
        assert block["sha"] in agent.store
        assert block["sha"] in [record.get("sha") for record in shown_media(shown_home)]


def test_a_run_over_the_same_picture_or_with_the_same_words_is_never_shown(tmp_path, shown_home, picture):
    seen = []
    with asking(tmp_path / "own", shown_home, seen, k=5) as agent:
        agent.ask("How many halves are there?", media=[painted("green")])
        assert "How many halves are there?" not in texts(seen)[:-1]
        agent.ask("how much is 2 + 3")
        assert "How much is 2 + 3?" not in texts(seen)[:-1]


@pytest.mark.parametrize("options", [{"k": 0}, {"example_tokens": 0}, {"tools": ["read_text"]}])
def test_nothing_is_shown_without_room_or_tools(tmp_path, shown_home, picture, options):
    seen = []
    with asking(tmp_path / "own", shown_home, seen, **options) as agent:
        answer = agent.ask("How many halves are in there?", media=[picture])
        assert len(seen) == 1
        assert agent.traces.get(answer.trace_id).examples == []


def test_a_thread_keeps_the_demonstrations_of_its_first_question(tmp_path, shown_home, picture):
    seen = []
    with asking(tmp_path / "own", shown_home, seen, k=1) as agent:
        agent.ask("How many halves are in there?", media=[picture], thread="talk")
        first = texts(seen)[0]
        agent.ask("How much is 2 + 3?", thread="talk")
    assert texts(seen)[0] == first
    assert texts(seen)[-1] == "How much is 2 + 3?"


def test_demonstrations_that_are_given_stand_in_place_of_those_that_are_chosen(tmp_path, shown_home, picture):
    seen = []
    with asking(tmp_path / "own", shown_home, seen, k=1) as agent:
        *_, first = agent.stream("How many halves are in there?", [picture])
        given = agent.traces.get(first.answer.trace_id).examples
        *_, other = agent.stream("How much is 2 + 3 + 4?", examples=given)
        assert texts(seen)[:-1] == [given[0]["content"][-1]["text"]]
        assert agent.traces.get(other.answer.trace_id).examples == given
        *_, none = agent.stream("How many halves are in there?", [picture], examples=[])
        assert agent.traces.get(none.answer.trace_id).examples == []


def test_a_store_that_is_not_there_and_a_planner_that_takes_none_are_refused(tmp_path, shown_home):
    with pytest.raises(UsageError, match="no trace store"):
        Agent(Shown(function=lambda *_: "x"), examples=tmp_path / "nowhere", home=tmp_path)
    with pytest.raises(UsageError, match="takes no examples"):
        Agent(ScriptedPlanner(program), examples=shown_home, home=tmp_path)
    with pytest.raises(UsageError, match="fewer than none"):
        Agent(Shown(function=lambda *_: "x"), examples=shown_home, home=tmp_path, k=-1)
