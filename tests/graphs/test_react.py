import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import agentmm.graphs.react as react
from agentmm.nodes import begin_run
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.world.program import Call
from tests.nodes import kit


def program(path):
    def run():
        (first, second) = yield [
            Call("note", {"path": path, "line": "a"}),
            Call("note", {"path": path, "line": "b"}),
        ]
        return f"{first.get('noted', 'refused')} {second.get('noted', 'refused')}"

    return run


@pytest.fixture
def graph(tmp_path):
    planner = ScriptedPlanner(program(str(tmp_path / "notes")))
    return react.build(planner, [kit.note], approval=["note"]).compile(checkpointer=InMemorySaver())


def test_it_is_drawn_as_it_says():
    drawn = react.build(ScriptedPlanner(), []).compile().get_graph()
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert {("plan", "approve"), ("plan", "act"), ("plan", "answer"), ("act", "plan"), ("approve", "act")} <= edges


def test_nothing_runs_before_a_person_decided_each_call(graph, tmp_path):
    state, config = begin_run("q", home=tmp_path)
    asked = graph.invoke(state, config)["__interrupt__"][0].value["calls"]
    assert [call["id"] for call in asked] == ["call_1", "call_2"]
    assert not (tmp_path / "notes").exists()
    waiting = graph.invoke(Command(resume={"approved": ["call_2"]}), config)["__interrupt__"][0].value["calls"]
    assert [call["id"] for call in waiting] == ["call_1"]
    assert not (tmp_path / "notes").exists()
    final = graph.invoke(Command(resume={"denied": ["call_1"]}), config)
    assert final["answer"]["text"] == "refused b"
    assert (tmp_path / "notes").read_text() == "b\n"


async def test_it_runs_the_same_asynchronously(graph, tmp_path):
    state, config = begin_run("q", home=tmp_path)
    await graph.ainvoke(state, config)
    final = await graph.ainvoke(Command(resume={"approved": ["call_1", "call_2"]}), config)
    assert final["answer"]["text"] == "a b"
    assert sorted((tmp_path / "notes").read_text().split()) == ["a", "b"]


def test_an_approved_call_is_made_at_most_once(tmp_path):
    path = str(tmp_path / "notes")

    def run():
        (seen,) = yield [Call("note_and_die", {"path": path})]
        return seen["error"]

    built = react.build(ScriptedPlanner(run), [kit.note_and_die], approval=["note_and_die"])
    graph = built.compile(checkpointer=InMemorySaver())
    state, config = begin_run("q", home=tmp_path)
    graph.invoke(state, config)
    with pytest.raises(KeyboardInterrupt):
        graph.invoke(Command(resume={"approved": ["call_1"]}), config)
    assert "may have been done" in graph.invoke(None, config)["answer"]["text"]
    assert (tmp_path / "notes").read_text() == "done\n"
