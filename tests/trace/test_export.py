import json
from contextlib import closing

from agentmm.cli import run
from agentmm.trace import TraceStore, export_jsonl, fold, show, to_conversation, to_dataset

IMAGE = {"kind": "image", "sha": "a" * 64, "width": 4, "height": 4}
MADE = {"kind": "image", "sha": "b" * 64, "width": 2, "height": 2}
REGION = {"kind": "region", "of": "image_1", "box": [0, 0, 1, 1]}
CALL = {"id": "c1", "tool": "crop", "arguments": {"region": "region_1"}}
RESULT = {"call": "c1", "tool": "crop", "observation": '{"image": "image_2"}', "media": ["image_2"], "seconds": 0.002}


def trace():
    start = {"question": "What is there?", "graph": "react", "media": {"image_1": IMAGE}, "planner": "nano"}
    media = {"image_2": MADE, "region_1": REGION}
    events = [
        ("start", start),
        ("plan", {"calls": [CALL], "prompt_ids": [1, 2], "completion_ids": [3], "logp": [-0.5]}),
        ("results", {"results": [RESULT], "media": media}),
        ("plan", {"text": "a cat", "prompt_ids": [4], "completion_ids": [5], "logp": [-0.25]}),
        ("end", {"answer": "a cat", "status": "answered"}),
    ]
    return fold("t1", events)


def test_conversation_has_images_where_they_were_seen():
    row = to_conversation(trace())
    assert row["images"] == ["a" * 64, "b" * 64]
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "tool", "assistant"]
    user, planned, tool, answer = row["messages"]
    assert [block["type"] for block in user["content"]] == ["image", "text"]
    assert planned["tool_calls"][0]["function"] == {"name": "crop", "arguments": {"region": "region_1"}}
    assert tool["content"] == [{"type": "text", "text": '{"image": "image_2"}'}, {"type": "image", "handle": "image_2"}]
    assert answer["content"] == [{"type": "text", "text": "a cat"}]


def test_jsonl_is_one_row_a_line(tmp_path):
    path = tmp_path / "out.jsonl"
    assert export_jsonl([trace(), trace()], path) == 2
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[0] == rows[1] == to_conversation(trace())
    export_jsonl([trace()], path, whole=True)
    assert json.loads(path.read_text())["steps"][0]["plan"]["completion_ids"] == [3]


def refused():
    return fold("t2", [("start", {"question": "What?", "graph": "react"}), ("refused", {"error": "no such picture"})])


def test_runs_in_which_no_planner_said_anything_are_no_conversations(tmp_path, capsys):
    path = tmp_path / "out.jsonl"
    assert export_jsonl([refused(), trace()], path) == 1
    assert json.loads(path.read_text())["id"] == "t1"
    assert export_jsonl([refused(), trace()], path, whole=True) == 2
    assert to_dataset([refused(), trace()]).num_rows == 1
    with closing(TraceStore(tmp_path / "t.db")) as store:
        store.append("begun", "start", {"question": "What?", "graph": "react"})
        store.append("begun", "refused", {"error": "no such picture"})
    for where in (str(path), "-"):
        assert run(["traces", "export", where, "--store", str(tmp_path / "t.db")]) == 0
        said = capsys.readouterr()
        assert "1 left out: no planner said anything in them; --whole has them" in said.err
        assert said.out == ""
    assert path.read_text() == ""


def test_dataset_columns_have_one_type():
    dataset = to_dataset([trace(), trace()])
    assert dataset.num_rows == 2
    assert json.loads(dataset[0]["messages"][1]["tool_calls"])[0]["id"] == "c1"


def test_show_tells_the_run():
    text = show(trace(), ids=True)
    for part in ("What is there?", 'crop(region="region_1")', "image_2 2x2 px", "(2 ms)", "a cat"):
        assert part in text
    assert "read 2 tokens, wrote 1, mean log-prob -0.500" in show(trace(), width=0, ids=True)
