import json
import time
from pathlib import Path

import pytest

from agentmm.errors import TraceError
from agentmm.media import MediaStore
from agentmm.nodes.journal import Journal
from agentmm.tool import tool
from agentmm.world.program import Call
from tests.nodes import kit


def observations(*steps):
    """A program that makes steps of calls and answers with all it saw, as JSON."""

    def program():
        seen = []
        for calls in steps:
            seen.append((yield calls))
        return json.dumps(seen)

    return program


def seen(state):
    return json.loads(state["answer"]["text"])


def test_calls_of_a_step_run_side_by_side(loop):
    state = loop(observations([Call("meet"), Call("meet")]), [kit.meet])
    assert seen(state) == [[{"met": True}, {"met": True}]]
    assert (state["steps"], state["calls"], state["errors"]) == (2, 2, 0)


def test_handles_are_numbered_in_the_order_of_the_calls_not_of_their_ends(loop, tmp_path):
    calls = [Call("paint", {"red": 10, "wait_s": 0.2}), Call("paint", {"red": 20})]
    state = loop(observations(calls), [kit.paint])
    assert seen(state) == [[{"image": "image_1"}, {"image": "image_2"}]]
    store = MediaStore(tmp_path / "media")
    assert [store.get(state["media"][f"image_{k}"]).pixels[0, 0, 0] for k in (1, 2)] == [10, 20]
    tool_message = state["messages"][2]
    assert tool_message.content[1] == {"type": "image", "file_id": "image_1"}


def test_regions_become_handles_that_later_calls_take(loop, picture):
    state = loop(
        observations([Call("halves", {"image": "image_1"})], [Call("halves", {"image": "region_2"})]),
        [kit.halves],
        [picture],
    )
    assert seen(state)[0] == [{"count": 2, "found": ["region_1 left", "region_2 right"]}]
    assert state["media"]["region_2"]["box"] == [10, 0, 20, 10]
    assert state["media"]["region_4"]["box"] == [15, 0, 20, 10]  # right half of the right half
    assert state["media"]["region_4"]["source"] == "image_1"


def test_nothing_ill_typed_runs_and_each_error_costs_a_retry(loop, picture, heard):
    calls = [
        Call("halfs", {"image": "image_1"}),
        Call("halves", {"image": "image_9"}),
        Call("halves", {"image": "/etc/passwd"}),
        Call("halves", {"picture": "image_1"}),
        Call("refuse", {"why": "too dark"}),
    ]
    state = loop(observations(calls), [kit.halves, kit.refuse], [picture], max_errors=5)
    errors = [result["error"] for result in seen(state)[0]]
    assert "try: halves" in errors[0]
    assert "image_9" in errors[1]
    assert "/etc/passwd" in errors[2]
    assert "picture" in errors[3]
    assert errors[4] == "too dark"
    assert state["errors"] == 5
    results = heard.named("agentmm.results")[0]["results"]
    assert [result["error"] for result in results] == errors


def test_spent_retries_end_in_a_partial_answer(loop):
    steps = [[Call("refuse")]] * 5
    state = loop(observations(*steps), [kit.refuse], max_errors=1)
    assert state["answer"]["status"] == "partial"
    assert "max_errors=1 is spent" in state["answer"]["text"]
    assert state["calls"] == 2


def test_anything_else_fails_the_run_and_keeps_the_other_results(loop, heard):
    state = loop(observations([Call("paint", {"red": 1}), Call("crash")]), [kit.paint, kit.crash])
    assert state["answer"]["status"] == "failed"
    assert "KeyError" in state["answer"]["text"]
    assert "paint gave" in state["answer"]["text"]
    assert [bool(result["error"]) for result in heard.named("agentmm.results")[0]["results"]] == [False, True]
    assert heard.named("agentmm.end")[0]["status"] == "failed"


def test_a_hanging_tool_in_a_worker_ends_with_the_run(loop):
    began = time.monotonic()
    state = loop(observations([Call("hang")]), [kit.hang], timeout=1.0)
    assert time.monotonic() - began < 3.0
    assert state["answer"]["status"] == "failed"


def test_a_hanging_tool_in_a_thread_is_left_behind(loop):
    began = time.monotonic()
    state = loop(observations([Call("hang_here", {"seconds": 5.0})]), [kit.hang_here], timeout=0.5)
    assert time.monotonic() - began < 2.5
    assert state["answer"]["status"] == "failed"


def test_finished_calls_in_the_journal_are_not_made_again(loop, tmp_path):
    path = str(tmp_path / "notes")
    journal = Journal(tmp_path / "journal" / "t.jsonl")
    journal.write(1, "call_1", {"value": {"noted": "from the journal"}, "seconds": 0.25, "given": []})
    calls = [Call("note", {"path": path, "line": "a"}), Call("note", {"path": path, "line": "b"})]
    state = loop(observations(calls), [kit.note])
    assert seen(state) == [[{"noted": "from the journal"}, {"noted": "b"}]]
    assert (tmp_path / "notes").read_text() == "b\n"
    assert state["messages"][2].artifact["seconds"] == 0.25


@pytest.mark.parametrize("pure", [False, True])
def test_a_call_that_was_cut_off_is_made_again_only_if_it_is_pure(loop, tmp_path, pure):
    """What `act` finds in the journal is what it wrote before the call, since nothing was written after it."""

    class Cut(BaseException):
        pass

    def write(path: str) -> dict:
        """Write a letter."""
        with Path(path).open("a") as file:
            file.write("x")
        if len(Path(path).read_text()) == 1:
            raise Cut
        return {"noted": "x"}

    path = str(tmp_path / "notes")
    calls = [Call("write", {"path": path})]
    with pytest.raises(Cut):
        loop(observations(calls), [tool(pure=pure)(write)])
    state = loop(observations(calls), [tool(pure=pure)(write)])  # same trace id, same journal
    ((found,),) = seen(state)
    assert Path(path).read_text() == ("xx" if pure else "x")
    assert found == ({"noted": "x"} if pure else found)
    assert pure or "may have been done, and is not made again" in found["error"]


def test_the_journal_brings_media_back(loop, tmp_path, picture):
    calls = [Call("halves", {"image": "image_1"}), Call("paint", {"red": 7})]
    first = loop(observations(calls), [kit.halves, kit.paint], [picture])
    again = loop(observations(calls), [kit.halves, kit.paint], [picture])  # same trace id, same journal
    assert first["media"] == again["media"]
    assert first["answer"] == again["answer"]


def test_a_torn_line_counts_as_never_written(tmp_path):
    journal = Journal(tmp_path / "t.jsonl")
    journal.write(1, "call_1", {"value": 1})
    with journal.path.open("ab") as file:
        file.write(b'{"step": 1, "call": "call_2", "val')
    assert set(journal.read(1)) == {"call_1"}
    journal.write(1, "call_2", {"value": 2})
    assert {key: entry["value"] for key, entry in journal.read(1).items()} == {"call_1": 1, "call_2": 2}
    assert journal.read(2) == {}


def test_a_langchain_tool_stands_beside_ours(loop):
    from langchain_core.tools import tool as langchain_tool

    @langchain_tool
    def shout(text: str) -> str:
        """Write in capitals."""
        return text.upper()

    calls = [Call("shout", {"text": "hi"}), Call("shout", {"words": "hi"})]
    state = loop(observations(calls), [shout])
    assert seen(state)[0][0] == {"result": "HI"}
    assert "ValidationError" in seen(state)[0][1]["error"]


def test_a_malformed_call_costs_a_retry(loop, tmp_path):
    from langchain_core.messages import AIMessage

    from agentmm.planner import load_planner

    bad = {"name": "paint", "args": '{"red"', "id": "x", "error": "cut off", "type": "invalid_tool_call"}

    def planner(messages, tools, media):
        return AIMessage("", invalid_tool_calls=[bad]) if len(messages) == 1 else f"saw {messages[-1].content}"

    import agentmm.graphs.react as react
    from agentmm.nodes import begin_run

    state, config = begin_run("q", home=tmp_path)
    final = react.build(load_planner(planner), [kit.paint]).compile().invoke(state, config)
    assert final["answer"]["status"] == "answered"
    assert "error" in final["answer"]["text"]
    assert final["errors"] == 1


def test_a_journal_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError, match="cannot write the journal"):
        Journal(tmp_path / "file" / "t.jsonl").write(1, "call_1", {})
