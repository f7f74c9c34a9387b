import asyncio
import time

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage

import agentmm.graphs.react as react
from agentmm.nodes import begin_run, plan
from agentmm.planner import load_planner
from agentmm.state import Settings
from agentmm.world.program import Call
from tests.nodes import kit


def many(count):
    def program():
        for index in range(count):
            yield [Call("paint", {"red": index})]
        return "done"

    return program


def ask(planner, tools, home, **settings):
    state, config = begin_run("q", home=home, settings=Settings.of(settings))
    return react.build(load_planner(planner), tools).compile().invoke(state, config)


@pytest.mark.parametrize(("steps", "status"), [(4, "answered"), (3, "partial")])
def test_max_steps_counts_planner_steps(loop, steps, status):
    state = loop(many(3), [kit.paint], max_steps=steps)
    assert state["answer"]["status"] == status
    assert (state["steps"], state["calls"]) == (steps, 3)


def test_a_partial_answer_says_which_budget_and_what_was_found(loop):
    text = loop(many(9), [kit.paint], max_steps=1)["answer"]["text"]
    assert text == 'Stopped before an answer: max_steps=1 is spent. Found so far: paint gave {"image": "image_1"}'


def test_calls_beyond_max_calls_are_not_made_and_leave_no_open_call(loop):
    state = loop(many(9), [kit.paint], max_calls=2)
    assert (state["answer"]["status"], state["calls"]) == ("partial", 2)
    assert "max_calls=2 is spent" in state["answer"]["text"]
    called = [call["id"] for message in state["messages"] if message.type == "ai" for call in message.tool_calls]
    closed = [message.tool_call_id for message in state["messages"] if message.type == "tool"]
    assert called == closed == ["call_1", "call_2", "call_3"]


def test_tokens_are_counted_and_bounded(tmp_path):
    usage = {"input_tokens": 40, "output_tokens": 10, "total_tokens": 50}
    call = {"name": "paint", "args": {"red": 1}, "id": None, "type": "tool_call"}

    def greedy(messages, tools, media):
        return AIMessage("", tool_calls=[call], usage_metadata=usage)

    state = ask(greedy, [kit.paint], tmp_path, max_tokens=100)
    assert (state["answer"]["status"], state["tokens"], state["calls"]) == ("partial", 100, 1)


def test_time_that_is_over_between_calls_is_a_partial_answer(tmp_path):
    def slow(messages, tools, media):
        time.sleep(0.3)
        return [Call("paint", {"red": 1})]

    state = ask(slow, [kit.paint], tmp_path, timeout=0.5)
    assert state["answer"]["status"] == "partial"
    assert "timeout=0.5 s is over" in state["answer"]["text"]


def test_a_planner_that_raises_fails_the_run(tmp_path):
    def broken(messages, tools, media):
        raise ValueError("no weights")

    answer = ask(broken, [], tmp_path)["answer"]
    assert answer["status"] == "failed"
    assert "ValueError: no weights" in answer["text"]


async def outside_async(node, state, config):
    return await node.ainvoke(state, config)


@pytest.mark.parametrize(
    "run", [lambda node, *given: node.invoke(*given), lambda *given: asyncio.run(outside_async(*given))]
)
def test_a_node_outside_a_graph_is_a_run_of_its_own(run, tmp_path, heard):
    state, config = begin_run("q", home=tmp_path, callbacks=[heard.handler()])
    update = run(
        plan(load_planner(lambda *given: "seen")),
        {key: value for key, value in state.items() if value is not None},
        config,
    )
    assert (update["messages"][0].text, update["steps"]) == ("seen", 1)
    assert [data["question"] for data in heard.named("agentmm.start")] == ["q"]


def test_a_node_of_a_graph_is_one_run(tmp_path):
    """Who listens hears of the graph and of each of its nodes once; routes are runs of LangGraph's own."""
    runs = []

    class Listener(BaseCallbackHandler):
        def on_chain_start(self, serialized, inputs, *, metadata=None, name=None, **kwargs):
            runs.append(name)

    state, config = begin_run("q", home=tmp_path, callbacks=[Listener()])
    react.build(load_planner(lambda *given: "seen"), []).compile(name="graph").invoke(state, config)
    assert runs == ["graph", "plan", "chosen", "answer"]


def test_a_planner_that_says_nothing_fails_the_run(tmp_path):
    answer = ask(lambda *given: "", [], tmp_path)["answer"]
    assert (answer["status"], answer["reason"]) == ("failed", "the planner gave neither a call nor an answer")


@pytest.mark.parametrize(
    ("said", "status", "text"),
    [
        ("3 [region_7]", "answered", "3 [region_7]"),
        ("Unanswerable: no sign found", "unanswerable", "Unanswerable: no sign found"),
        ("<think>a\nb</think>\nred", "answered", "red"),
    ],
)
def test_what_the_planner_says_is_the_answer(tmp_path, said, status, text):
    answer = ask(lambda *given: said, [], tmp_path)["answer"]
    assert (answer["status"], answer["text"], answer["regions"]) == (status, text, [])


def test_events_tell_a_whole_trace(loop, heard, picture):
    loop(many(1), [kit.paint], [picture], seed=5)
    assert [name for name, _ in heard] == ["agentmm.start", "agentmm.results", "agentmm.end"]
    start = heard.named("agentmm.start")[0]
    assert (start["trace"], start["question"], start["seed"], start["planner"]["name"]) == ("t", "q", 5, "scripted")
    assert start["tools"] == [{"name": "paint", "version": "1", "signature": kit.paint.told}]
    assert list(start["media"]) == ["image_1"]
    results = heard.named("agentmm.results")[0]
    assert results["step"] == 0
    assert list(results["media"]) == ["image_2"]
    assert results["results"][0]["media"] == ["image_2"]
    assert heard.named("agentmm.end")[0]["answer"] == "done"
