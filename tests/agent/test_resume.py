import subprocess
import sys
from pathlib import Path

import pytest

from agentmm.errors import UsageError
from tests.agent import killed

WHOLE = " ".join(f"{step}{letter}" for step in range(killed.STEPS) for letter in "ab")


KILLS = 20


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Homes of runs that were killed at random moments."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.agent.killed", str(folder), str(KILLS)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=600)
    return [folder / str(number) for number in range(KILLS)]


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_goes_on_and_makes_no_call_again(homes, number):
    home = homes[number]
    before = (home / "notes").read_text().split() if (home / "notes").exists() else []
    with killed.agent(home) as agent:
        try:
            answer = agent.resume("run")
        except UsageError:  # killed before anything was on disk
            assert not before
            answer = agent.ask("write", thread="run")
        trace = agent.traces.get("run")
    whole = WHOLE.split()
    cut_off = [line for line, said in zip(whole, answer.text.split(), strict=True) if said == "?"]
    assert answer.text.split() == ["?" if line in cut_off else line for line in whole]
    assert len(cut_off) <= 2  # the calls of one step
    assert (trace.status, trace.answer, len(trace.steps)) == ("answered", answer.text, killed.STEPS + 1)
    assert [result.call for result in trace.calls] == [f"call_{k}" for k in range(1, 2 * killed.STEPS + 1)]
    written = (home / "notes").read_text().split()
    assert len(written) == len(set(written))  # no call was made twice, whether it had finished or not
    assert set(whole) - set(cut_off) <= set(written) <= set(whole)
    assert written[: len(before)] == before


def test_a_finished_call_is_not_made_again_when_its_step_was_not_saved(tmp_path):
    """The second call of a step is refused by a full stop of the process, after the first one finished."""
    from agentmm.agent import Agent
    from agentmm.planner.scripted import ScriptedPlanner
    from agentmm.world.program import Call
    from tests.nodes import kit

    notes = str(tmp_path / "notes")

    def program():
        (a, b) = yield [
            Call("note", {"path": notes, "line": "a"}),
            Call("note", {"path": notes, "line": "b"}),
        ]
        return a["noted"] + b["noted"]

    class Stop(BaseException):
        pass

    from langchain_core.callbacks import BaseCallbackHandler

    class Stopping(BaseCallbackHandler):
        raise_error = run_inline = True

        def on_custom_event(self, name, data, **kwargs):
            if name == "agentmm.results":
                raise Stop

    first = Agent(ScriptedPlanner(program), [kit.note], home=tmp_path, callbacks=[Stopping()])
    with first, pytest.raises(Stop):
        first.ask("q", thread="x")
    with Agent(ScriptedPlanner(program), [kit.note], home=tmp_path) as second:
        assert second.resume("x").text == "ab"
        assert not list((tmp_path / "journal").iterdir())
        trace = second.traces.get("x")
    assert sorted(Path(notes).read_text().split()) == ["a", "b"]
    assert [result.call for result in trace.calls] == ["call_1", "call_2"]
    assert len(trace.steps) == 2


@pytest.mark.parametrize("trace", ["x", "x.2"])
def test_a_question_stopped_before_its_first_checkpoint_begins_again(tmp_path, trace):
    """The trace is on disk and the checkpoint is not, in a new thread and in one that has answered before."""
    from agentmm.agent import Agent
    from agentmm.planner.function import FunctionPlanner
    from tests.nodes import kit

    planner = FunctionPlanner(function=lambda messages, tools, media: messages[-1].text)
    with Agent(planner, [kit.note], home=tmp_path) as agent:
        if trace == "x.2":
            assert agent.ask("one", thread="x").text == "one"
        agent.traces.append(trace, "start", {"graph": "react", "question": "two", "settings": {}})
        assert agent.traces.get(trace).question == "two"
        again = agent.resume(trace)
        assert (again.text, again.trace_id) == ("two", trace)
        assert agent.ask("three", thread="x").text == "three"
        with pytest.raises(UsageError, match="no run of that id"):
            agent.resume("x.9")
