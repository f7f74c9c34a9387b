import pytest

from agentmm.agent import Agent
from agentmm.cli import run as command
from agentmm.collect import fork
from agentmm.errors import TraceError
from agentmm.proof import replay
from agentmm.trace import TraceStore
from agentmm.world.program import Call
from tests.proof.tiny import STEPS, cut, find, flaky, picture, scripted


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with Agent(scripted(*STEPS), tools=[find, cut, flaky], home=home, max_errors=5) as agent:
        answer = agent.ask("How many?", [picture()])
        yield agent, answer.trace_id


@pytest.fixture
def trace(run):
    return run[0].traces.get(run[1])


def test_replay_gives_the_hash_with_no_model_and_no_tool(run, trace, monkeypatch):
    def never(*_args, **_kwargs):
        raise AssertionError("a tool was called")

    for each in (find, cut, flaky):
        monkeypatch.setattr(each, "function", never)
    assert trace.calls[1].error == "nothing like dog"
    assert trace.media["image_2"]["of"] == "image_1"
    replayed = replay(trace, run[0].store)
    assert replayed.same, replayed.summary
    assert replayed.hash == trace.hash


@pytest.mark.parametrize(
    ("step", "index", "old", "new"), [(0, 0, "2", "3"), (1, 0, "image_2", "image_9"), (2, 0, "1", "")]
)
def test_a_changed_observation_is_found_at_its_step(run, trace, step, index, old, new):
    result = trace.steps[step].results[index]
    result.observation = result.observation.replace(old, new, 1)
    replayed = replay(trace, run[0].store)
    assert not replayed.same
    assert replayed.step == step
    assert f"step {step + 1}" in replayed.summary


def test_a_change_in_the_database_is_found_too(run, trace, tmp_path):
    """The store keeps the hash that was sealed when the run ended."""
    import sqlalchemy as sa

    copy = TraceStore(tmp_path / "copy.db")
    copy.absorb(run[0].traces)
    with copy._engine.begin() as connection:
        change = "UPDATE events SET payload = replace(payload, 'red circle 2', 'blue circle 2') WHERE kind = 'results'"
        connection.execute(sa.text(change))
    replayed = replay(copy.get(trace.id), run[0].store)
    copy.close()
    assert (replayed.same, replayed.step) == (False, 0)


def test_what_was_asked_and_answered_is_found(run, trace):
    asked = trace.model_copy(update={"question": "How few?"})
    answered = trace.model_copy(update={"answer": "3"})
    assert replay(asked, run[0].store).step == -1
    assert replay(answered, run[0].store).step == len(trace.steps)


def test_a_graph_without_a_name_must_be_given(run, trace):
    trace.graph, trace.chain = "own", []
    with pytest.raises(TraceError, match="not known by name"):
        replay(trace, run[0].store)


def test_a_graph_of_a_file_is_run_only_where_it_is_named_anew(run, tmp_path, monkeypatch):
    """A trace may come from anywhere, and importing a file runs it."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    ran = tmp_path / "ran"
    file = tmp_path / "own.py"
    file.write_text(f"from pathlib import Path\nfrom agentmm.graphs.react import build\nPath({str(ran)!r}).touch()\n")
    with Agent(scripted("2"), tools=[find], graph=f"{file}:build", home=tmp_path) as agent:
        trace = agent.traces.get(agent.ask("How many?").trace_id)
        ran.unlink()
        with pytest.raises(TraceError, match="own word is not enough"):
            replay(trace, agent.store)
        with pytest.raises(TraceError, match="own word is not enough"):
            fork(trace, 0, agent.traces, scripted("2"), [find], home=tmp_path)
        assert command(["traces", "replay", trace.id]) == 1
        assert command(["traces", "replay", trace.id, "--graph", "other.py:build"]) == 1
        assert not ran.exists()
        assert replay(trace, agent.store, graph=f"{file}:build").same
        assert command(["traces", "replay", "--all", "--graph", f"{file}:build"]) == 0


def test_a_run_that_was_cut_off_replays_as_far_as_it_came(run, trace):
    media = {handle: record for handle, record in trace.media.items() if handle not in ("region_3", "region_4")}
    steps = trace.steps[:2]
    cut_off = trace.model_copy(update={"steps": steps, "media": media, "answer": None, "status": None, "chain": []})
    assert replay(cut_off, run[0].store).same


@pytest.mark.parametrize("said", [1, 3])
def test_a_run_whose_planner_failed_replays_to_the_same_failure(tmp_path, said):
    def planner(messages, _tools, _media):
        if len(messages) > said:
            raise ConnectionError("the server is down")
        return [Call("flaky", {})]

    with Agent(planner, tools=[flaky], home=tmp_path, max_errors=5) as agent:
        answer = agent.ask("q")
        trace = agent.traces.get(answer.trace_id)
        assert (answer.status, len(trace.steps)) == ("failed", (said - 1) // 2 + 1)
        replayed = replay(trace, agent.store)
    assert replayed.same, replayed.summary
