"""`agentmm ask`: answers, statuses, exit codes, JSON, approval."""

import io
import json

from agentmm.media import Image
from agentmm.trace import TraceStore
from tests.cli.conftest import PARTS


def test_data_on_stdout_and_progress_on_stderr(ask, home):
    ran = ask(None, question=["What is 12 * 7.5?"])
    assert (ran.code, ran.out) == (0, "90\n")
    assert 'call     calculate(expression="12 * 7.5")' in ran.err
    assert "next     agentmm traces show " in ran.err
    assert TraceStore(home / "traces.db").get("last").answer == "90"


def test_json_is_one_object_with_an_entry_a_call(ask):
    ran = ask(None, "--json", question=["What is 12 * 7.5?"])
    said = json.loads(ran.out)
    assert ran.out.count("\n") == 1
    assert {"answer", "status", "trace_id", "steps", "counters"} <= set(said)
    assert (said["answer"], said["status"], said["counters"]["steps"]) == ("90", "answered", 2)
    (call,) = said["steps"]
    assert set(call) >= {"step", "call", "tool", "arguments", "observation", "seconds", "error"}
    assert (call["step"], call["tool"], call["arguments"]) == (1, "calculate", {"expression": "12 * 7.5"})
    assert (json.loads(call["observation"]), call["error"]) == ({"value": 90}, None)


def test_the_question_comes_from_stdin(ask, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("What is 12 * 7.5?\n"))
    assert ask(None, question=["-"]).out == "90\n"


def test_a_medium_comes_from_stdin(ask, monkeypatch, picture):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(picture.read_bytes())))
    ran = ask("calling_loud", "-", tools="loud")
    assert (ran.code, ran.out) == (0, "{'width': 64}\n")


def test_quiet_leaves_stderr_empty_but_for_what_explains_a_failure(ask):
    assert ask(None, "--quiet", question=["What is 12 * 7.5?"]).err == ""
    failed = ask("failing_planner", "--quiet")
    assert (failed.code, failed.err) == (1, "failed   the planner failed: ValueError: no idea\n")
    waiting = ask("asking", "--ask-first", "note", "--quiet", tools="note")
    assert waiting.code == 1
    assert [line.split()[0] for line in waiting.err.splitlines()] == ["waiting", "next"]


def test_a_run_is_resumed_as_it_was_asked(ask, agentmm):
    trace = json.loads(ask("asking", "--ask-first", "note", "--json", tools="note").out)["trace_id"]
    for words, line in (
        ((PARTS, "failing_planner", "note"), "the run was asked of another planner"),
        ((PARTS, "asking", "loud"), "the run was asked with other tools"),
    ):
        parts, program, tool = words
        ran = agentmm("ask", "--resume", trace, "--planner", f"{parts}:{program}", "--tools", f"{parts}:{tool}")
        assert (ran.code, line in ran.err) == (2, True)


def test_a_spent_budget_is_partial_and_exits_0_with_a_line(ask):
    ran = ask("never_ending", "--max-steps", "2", "--json", tools="calculate")
    assert ran.code == 0
    assert json.loads(ran.out)["status"] == "partial"
    assert [line for line in ran.err.splitlines() if line.startswith("partial")] == ["partial  max_steps=2 is spent"]


def test_unanswerable_exits_0(ask):
    ran = ask("giving_up", "--json")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, "unanswerable")


def test_a_planner_that_fails_ends_the_run_with_1_and_one_line(ask, home):
    ran = ask("failing_planner")
    assert (ran.code, ran.out) == (1, "")
    assert "failed   the planner failed: ValueError: no idea" in ran.err
    assert TraceStore(home / "traces.db").get("last").status == "failed"


def test_a_planner_that_thinks_for_ever_is_ended(ask):
    ran = ask("thinking_for_ever", "--timeout", "0.5", "--json")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, "partial")


def test_approval_waits_then_goes_on(ask, agentmm, tmp_path):
    from tests.cli.conftest import PARTS

    waiting = ask("asking", "--ask-first", "note", "--json", tools="note")
    said = json.loads(waiting.out)
    assert (waiting.code, said["status"], said["pending"][0]["tool"]) == (1, "needs_approval", "note")
    advice = f"agentmm ask --resume {said['trace_id']} --approve call_1 --planner {PARTS}:asking"
    assert advice in waiting.err
    assert not (tmp_path / "notes").exists()
    again = ["--planner", f"{PARTS}:asking", "--tools", f"{PARTS}:note", "--ask-first", "note"]
    assert agentmm("ask", "--resume", said["trace_id"], "--approve", "call_9", *again).code == 2
    approved = agentmm("ask", "--resume", said["trace_id"], "--approve", "call_1", *again)
    assert (approved.code, approved.out) == (0, "asked\n")
    assert (tmp_path / "notes").read_text() == "asked\n"


def test_a_call_is_refused(ask, agentmm, tmp_path):
    from tests.cli.conftest import PARTS

    trace = json.loads(ask("asking", "--ask-first", "note", "--json", tools="note").out)["trace_id"]
    again = ["--planner", f"{PARTS}:asking", "--tools", f"{PARTS}:note", "--ask-first", "note"]
    refused = agentmm("ask", "--resume", trace[:6], "--deny", "call_1", *again)
    assert (refused.code, refused.out) == (0, "refused\n")


def test_what_libraries_and_tools_print_stays_out_of_results(ask, picture):
    ran = ask("calling_loud", picture, "--json", tools="loud")
    assert json.loads(ran.out)["answer"] == "{'width': 64}"
    assert "noise of a library" not in ran.err
    assert "noise in a log" not in ran.err


def test_another_home_is_named_in_the_next_command(ask, tmp_path):
    ran = ask("giving_up", "--home", tmp_path / "other")
    assert f"--store {tmp_path / 'other' / 'traces.db'}" in ran.err
    assert len(TraceStore(tmp_path / "other" / "traces.db")) == 1


def test_media_are_kept_by_hash(ask, home, picture):
    ran = ask("calling_loud", picture, tools="loud")
    assert ran.code == 0
    trace = TraceStore(home / "traces.db").get("last")
    from agentmm.media import MediaStore

    kept = MediaStore(home / "media").get(trace.media["image_1"])
    assert isinstance(kept, Image)
    assert kept.width == 64


def test_a_trace_that_cannot_be_tried_does_not_keep_the_others_from_it(ask, agentmm, home):
    ask(None, question=["What is 12 * 7.5?"])
    store = TraceStore(home / "traces.db")
    known = store.get("last")
    for kind, payload in (("start", {"graph": "own", "question": "q"}), ("end", {"status": "answered", "answer": "a"})):
        store.append("own", kind, payload)
    store.close()
    ran = agentmm("traces", "replay", "--all", "--json")
    told = {line["trace"]: line["verdict"] for line in map(json.loads, ran.out.splitlines())}
    assert (ran.code, told) == (0, {known.id: "ok", "own": "not verifiable"})
    assert agentmm("traces", "replay", "own").code == 1
