import json

import pytest

from agentmm.errors import TraceError
from agentmm.preference import PreferencePair, Side, outcome_pairs, read_rows, to_conversations, to_row, write_rows
from agentmm.trace import TraceStore

IMAGE = {"image_1": {"kind": "image", "sha": "a" * 64, "width": 4, "height": 4}}
MADE = {"image_2": {"kind": "image", "sha": "b" * 64, "width": 2, "height": 2}}
CALL = {"id": "c1", "tool": "crop", "arguments": {"region": "region_1"}}


def plan(prompt, wrote, **more):
    return {"prompt_ids": prompt, "completion_ids": wrote, "logp": [-0.5] * len(wrote), **more}


def run(store, trace_id, outcome, first, rest, question="q1", result="r", ids=True, weights="w"):
    """A first step that calls, a result, then the steps in `rest`; each step is (prompt, completion)."""
    planner = {"name": "nano", "weights": weights}
    store.append(trace_id, "start", {"question": "What?", "media": IMAGE, "planner": planner})
    one = plan([2, 9], first, calls=[CALL], media=["a" * 64], forced=[0, 1, 1][: len(first)])
    store.append(trace_id, "plan", one if ids else {"calls": [CALL]})
    made = {"call": "c1", "tool": "crop", "observation": result, "media": ["image_2"]}
    store.append(trace_id, "results", {"results": [made], "media": MADE})
    for prompt, wrote in rest:
        store.append(trace_id, "plan", plan(prompt, wrote, media=["b" * 64], text="answer"))
    store.append(trace_id, "end", {"answer": "answer", "status": "answered"})
    store.label(trace_id, "outcome", outcome)
    store.label(trace_id, "question", {"id": question})


@pytest.fixture
def store(tmp_path):
    store = TraceStore(tmp_path / "traces.db")
    yield store
    store.close()


def test_sides_begin_where_the_runs_part(store):
    """Equal first step and result, another answer: the pair is about step 1, its prefix holds everything before."""
    run(store, "good", "right", [7, 8, 1], [([5, 6, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 8, 1], [([5, 6, 4], [11, 12, 1])])
    (pair,) = outcome_pairs(store)
    assert (pair.chosen, pair.rejected) == (Side(trace="good", step=1), Side(trace="bad1", step=1))
    row = to_row(pair, store)
    assert row["prompt_ids"] == [2, 9, 7, 8, 1, 5, 6, 4]
    assert row["prompt_images"] == ["a" * 64, "b" * 64]
    assert (row["chosen_ids"], row["chosen_mask"], row["chosen_images"]) == ([10, 1], [1, 1], [])
    assert row["rejected_ids"] == [11, 12, 1]


def test_a_continuation_holds_tool_results_without_weight(store):
    run(store, "good", "right", [7, 8, 1], [([5, 6, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 9, 1], [([5, 5, 4], [10, 1])])
    (pair,) = outcome_pairs(store)
    row = to_row(pair, store)
    assert row["prompt_ids"] == [2, 9]
    assert row["chosen_ids"] == [7, 8, 1, 5, 6, 4, 10, 1]
    assert row["chosen_mask"] == [1, 1, 1, 0, 0, 0, 1, 1]
    assert row["chosen_forced"] == [0, 1, 1, 0, 0, 0, 0, 0]
    assert row["chosen_images"] == ["b" * 64]


def test_a_turn_cut_at_its_limit_is_closed_without_weight(store):
    """The renderer closes it with <|end|> (id 1), which the planner did not write."""
    run(store, "good", "right", [7, 8], [([5, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 9, 1], [([5, 4], [10, 1])])
    row = to_row(next(iter(outcome_pairs(store))), store)
    assert row["chosen_ids"] == [7, 8, 1, 5, 4, 10, 1]
    assert row["chosen_mask"] == [1, 1, 0, 0, 0, 1, 1]


def test_equal_pairs_come_once_and_at_most_so_many(store):
    run(store, "good", "right", [7, 8, 1], [([5, 4], [10, 1])])
    run(store, "good2", "right", [7, 8, 1], [([5, 4], [10, 1])])
    for number in range(4):
        run(store, f"bad{number}", "wrong", [7, 8, 1], [([5, 4], [20 + number // 2, 1])])
    run(store, "bad9", "wrong", [6, 8, 1], [([5, 4], [10, 1])])
    pairs = list(outcome_pairs(store))
    assert len(pairs) == 3
    assert [pair.chosen.step for pair in pairs] == [1, 1, 0]
    assert len(list(outcome_pairs(store, most=1))) == 1


def test_no_pair_without_a_shared_prefix(store):
    """Other results after equal calls, another question, no ids, no label: nothing to compare."""
    run(store, "good", "right", [7, 8, 1], [([5, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 8, 1], [([6, 4], [11, 1])])
    run(store, "bad2", "wrong", [7, 9, 1], [([5, 4], [11, 1])], question="q2")
    run(store, "bad3", "wrong", [7, 9, 1], [], ids=False)
    run(store, "bad4", "unknown", [7, 9, 1], [([5, 4], [11, 1])])
    assert list(outcome_pairs(store)) == []


def test_no_pair_of_runs_of_two_weights(store):
    run(store, "good", "right", [7, 8, 1], [([5, 4], [10, 1])])
    run(store, "old", "wrong", [7, 8, 1], [([5, 4], [11, 1])], weights="before")
    assert list(outcome_pairs(store)) == []
    run(store, "bad", "wrong", [7, 8, 1], [([5, 4], [12, 1])])
    assert [(pair.chosen.trace, pair.rejected.trace) for pair in outcome_pairs(store)] == [("good", "bad")]


def test_rows_and_messages_are_written_a_line_each(store, tmp_path):
    run(store, "good", "right", [7, 8, 1], [([5, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 8, 1], [([5, 4], [11, 1])])
    pairs = list(outcome_pairs(store))
    assert PreferencePair.model_validate_json(pairs[0].model_dump_json()) == pairs[0]
    assert write_rows(pairs, store, tmp_path / "rows.jsonl") == 1
    assert list(read_rows(tmp_path / "rows.jsonl")) == [to_row(pairs[0], store)]
    write_rows(pairs, store, tmp_path / "messages.jsonl", messages=True)
    said = json.loads((tmp_path / "messages.jsonl").read_text())
    assert said == to_conversations(pairs[0], store)
    assert [message["role"] for message in said["prompt"]] == ["user", "assistant", "tool"]
    assert [message["role"] for message in said["chosen"]] == ["assistant"]


def test_a_pair_with_other_prefixes_is_refused(store):
    run(store, "good", "right", [7, 8, 1], [([5, 4], [10, 1])])
    run(store, "bad1", "wrong", [7, 9, 1], [([5, 4], [11, 1])])
    sides = {"chosen": Side(trace="good", step=1), "rejected": Side(trace="bad1", step=1)}
    with pytest.raises(TraceError, match="different prefixes"):
        to_row(PreferencePair(id="x", question="What?", group="q1", **sides), store)
