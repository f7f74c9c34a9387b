"""Runs whose planner failed are no samples: they are counted, have no outcome, and are made anew the next time."""

from contextlib import closing

from agentmm.cli import run as command
from agentmm.collect import collect_sampled
from agentmm.collect.failures import most_common, planner_failed
from agentmm.tool import tool
from agentmm.trace import CallRecord, PlanRecord, ResultRecord, StepRecord, Trace, TraceStore
from agentmm.world.program import Call
from agentmm.world.sample import sample_questions
from tests.remote.test_failures import free_port

PLANNER = """
from pathlib import Path
def said(messages, tools, media):
    if Path({down!r}).exists():
        raise OSError("nobody there")
    return "7"
"""


def questions(count):
    return list(sample_questions("train", count, 4, families=("calculation",)))


def test_runs_whose_planner_failed_are_made_anew(tmp_path):
    down, path, out = tmp_path / "down", tmp_path / "planner.py", tmp_path / "t.db"
    path.write_text(PLANNER.format(down=str(down)))
    down.touch()
    failed, options = [], {"samples": 2, "tools": ["calculate"], "home": tmp_path, "quiet": True}
    assert collect_sampled(questions(4), out, f"{path}:said", failed=failed.append, **options) == 0
    assert failed == ["the planner failed: OSError: nobody there"] * 8
    with closing(TraceStore(out)) as store:
        assert [trace.labels.get("outcome") for trace in store] == [None] * 8
    down.unlink()
    del failed[:]
    assert collect_sampled(questions(4), out, f"{path}:said", failed=failed.append, **options) == 8
    assert collect_sampled(questions(4), out, f"{path}:said", failed=failed.append, **options) == 0
    assert failed == []
    with closing(TraceStore(out)) as store:
        assert len(list(store.traces(status="answered"))) == 8
        assert {trace.labels["outcome"] for trace in store.traces(status="answered")} <= {"right", "wrong"}


@tool
def calculate(expression: str) -> dict:
    """Work out an expression."""
    raise RuntimeError("kaboom")


def test_runs_whose_tool_crashed_or_that_said_nothing_are_samples(tmp_path):
    def calls(messages, tools, media):
        return [Call("calculate", {"expression": "1"})]

    def nothing(messages, tools, media):
        return ""

    for name, planner in (("calls", calls), ("nothing", nothing)):
        out, options = tmp_path / f"{name}.db", {"samples": 1, "tools": [calculate], "home": tmp_path, "quiet": True}
        assert collect_sampled(questions(1), out, planner, **options) == 1
        assert collect_sampled(questions(1), out, planner, **options) == 0
        with closing(TraceStore(out)) as store:
            assert [(trace.status, trace.labels["outcome"]) for trace in store] == [("failed", "wrong")]


def test_a_planner_fails_in_the_middle_of_a_run_too():
    call = CallRecord(id="c1", tool="add", arguments={})
    broken = ResultRecord(call="c1", tool="add", arguments={}, observation="{}", error="kaboom")
    step = StepRecord(index=0, plan=PlanRecord(text="", calls=[call]), results=[broken])
    said = StepRecord(index=0, plan=PlanRecord(text=""))
    assert planner_failed(Trace(id="t", status="failed", error="nobody there"))
    assert planner_failed(Trace(id="t", status="failed", error="nobody there", steps=[step]))
    assert not planner_failed(Trace(id="t", status="failed", error="add: kaboom", steps=[step]))
    assert not planner_failed(Trace(id="t", status="failed", error="gave neither", steps=[said]))
    assert not planner_failed(Trace(id="t", status="partial", error=None))


def test_the_reason_that_is_told_is_the_most_common():
    assert most_common(["a", "b", "c", "b"]) == "b"
    assert most_common(["a", "b"]) == "a"


def test_a_server_that_is_down_makes_the_command_fail(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    words = [
        "traces",
        "collect",
        "--planner",
        f"openai:m@http://127.0.0.1:{free_port()}/v1",
        "-n",
        "2",
        "--workers",
        "1",
    ]
    words += ["--store", str(tmp_path / "t.db"), "--json"]
    for _ in range(2):
        assert command(words) == 1
        said = capsys.readouterr()
        assert '"traces": 0' in said.out
        assert '"failed": 2' in said.out
        assert "2 runs failed, most of them so: the server cannot be reached, or broke off: ConnectError" in said.err
        assert "next: the same again, which makes the failed runs anew" in said.err
