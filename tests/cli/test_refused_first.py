"""What a long job would stumble over at its end, or late, is refused before it begins; what is left out is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from agentmm.agent.answer import Status
from agentmm.eval import running
from agentmm.trace import TraceStore
from agentmm.trace.parts import part_of
from agentmm.world import sample


@pytest.fixture
def nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that is drawn fails the test."""

    def drawn(*given: Any, **more: Any) -> Any:
        raise AssertionError("questions were drawn")

    monkeypatch.setattr(sample, "sample_questions", drawn)
    monkeypatch.setattr(running, "run_column", drawn)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one run."""
    path = tmp_path / "s.db"
    traces = TraceStore(path)
    traces.append("t1", "start", {"question": "?"})
    traces.append("t1", "end", {"answer": "1", "status": "answered"})
    traces.close()
    return path


@pytest.mark.usefixtures("nothing_is_asked")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["eval", "world", "--outcomes", "nope/x.jsonl"], "--outcomes cannot be written: No such file or directory"),
        (["traces", "export", "nope/x.jsonl"], "PATH cannot be written: No such file or directory"),
        (["traces", "list", "--status", "done"], f"got 'done'; expected {' | '.join(get_args(Status))}"),
        (["eval", "world", "--outcomes", "."], "--outcomes cannot be written: Is a directory"),
        (["eval", "world", "--families", ""], "unknown family; got ''"),
        (["eval", "world", "--families", "busy,,cell"], "unknown family; got ''"),
        (
            ["eval", "world", "--families", "calculaton"],
            "got 'calculaton'; expected calculation; try: agentmm eval fam",
        ),
        (["train", "nano", "--rows", "bad.jsonl", "--out", "o"], "the packed rows cannot be read; got 'bad.jsonl'"),
        (["train", "nano", "--rows", "array.npz", "--out", "o"], "the packed rows cannot be read; got 'array.npz'"),
        (["train", "nano", "--rows", "gone.npz", "--out", "o"], "the packed rows cannot be read: No such file"),
        (["train", "nano", "--stages", "lm", "--device", "tpu", "--out", "o"], "no such device here; got 'tpu'"),
        (["train", "nano", "--stages", "lm", "--device", "meta", "--out", "o"], "no such device here; got 'meta'"),
        (["train", "nano", "--stages", "lm", "--processes", "2", "--device", "tpu"], "no such device here; got 'tpu'"),
        (["train", "nano", "--stages", "", "--out", "o"], "bad stages or minutes"),
        (["train", "nano", "--stages", "lm", "--start", "gone", "--out", "o"], "no such folder of exported weights"),
        (["train", "nano", "--stages", "lm", "--out", "bad.jsonl"], "the training's folder cannot be written"),
        (["train", "detector", "--device", "tpu", "--out", "o"], "no such device here; got 'tpu'"),
        (["train", "dpo", "--pairs", "bad.jsonl", "--device", "tpu"], "no such device here; got 'tpu'"),
        (["train", "dpo", "--pairs", "bad.jsonl", "--out", "o"], "bad.jsonl, line 1: no JSON; got 'garbage'"),
        (["demo", "--picture", "bad.jsonl/x.png"], "--picture cannot be written: Not a directory"),
        (["demo", "--picture", "x.txt"], "--picture is no kind of picture; got 'x.txt'"),
        (["traces", "pairs", "nope/p.jsonl", "--store", "s.db"], "PATH cannot be written: No such file or directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_is_one_line_and_2_and_nothing_is_made(
    agentmm: Any, tmp_path: Path, store: Path, words: list[str], says: str
) -> None:
    (tmp_path / "bad.jsonl").write_text("garbage\n")
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.array([{}], object), allow_pickle=True)
    ran = agentmm(*words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert "allow_pickle" not in ran.err
    assert len(ran.err) < 500
    assert not (tmp_path / "o").exists()
    assert not (tmp_path / "nope").exists()


def test_what_outcomes_held_is_kept_until_they_are_written(agentmm: Any, tmp_path: Path) -> None:
    (tmp_path / "kept.jsonl").write_text("here\n")
    for name in ("kept.jsonl", "new.jsonl"):
        assert agentmm("eval", "world", "--outcomes", name, "--split", "wat").code == 2
    assert (tmp_path / "kept.jsonl").read_text() == "here\n"
    assert not (tmp_path / "new.jsonl").exists()


def test_families_are_listed(agentmm: Any) -> None:
    rows = [json.loads(line) for line in agentmm("eval", "families", "--json").out.splitlines()]
    names = [row["family"] for row in rows]
    assert names == sorted(set(names))
    assert {"family": "calculation", "group": "plain", "media": []} in rows
    assert agentmm("eval", "families").out.splitlines()[1].startswith(names[0])


def test_no_pair_says_what_to_do(agentmm: Any, store: Path) -> None:
    ran = agentmm("traces", "pairs", "p.jsonl", "--store", "s.db", "--quiet")
    assert (ran.code, ran.out) == (0, "pairs 0  questions 0  path p.jsonl\n")
    assert ran.err.startswith("no pairs: ")
    assert "agentmm traces collect --planner nano --samples 4 -n 200 --store s.db" in ran.err


@pytest.mark.parametrize(("split", "pairs"), [("train", 1), ("test", 0), ("hard", 0), ("val", 0), (None, 1)])
def test_pairs_are_of_training_questions_or_a_user_s_own(agentmm: Any, store: Path, split: Any, pairs: int) -> None:
    traces = TraceStore(store)
    for name, outcome, ids in (("good", "right", [7, 1]), ("bad1", "wrong", [8, 1])):
        traces.append(name, "start", {"question": "?", "planner": {"name": "nano", "weights": "w"}})
        plan = {"prompt_ids": [2, 9], "completion_ids": ids, "logp": [-0.5, -0.5], "text": "7"}
        traces.append(name, "plan", plan)
        traces.append(name, "end", {"answer": "7", "status": "answered"})
        traces.label(name, "outcome", outcome)
        traces.label(name, "question", {"id": "q1"} | ({"split": split} if split else {}))
    traces.close()
    ran = agentmm("traces", "pairs", "p.jsonl", "--store", "s.db", "--json")
    assert json.loads(ran.out)["pairs"] == pairs
    assert ran.err.startswith("next: agentmm train dpo" if pairs else "no pairs: ")


def test_parts_beside_a_store_are_told_of(agentmm: Any, store: Path) -> None:
    assert agentmm("traces", "list", "--store", store).err == ""
    part_of(store, 1).touch()
    ran = agentmm("traces", "list", "--store", store, "--json")
    assert json.loads(ran.out)["id"] == "t1"
    assert ran.err.count("\n") == 1
    assert "(s.part1.db)" in ran.err
    assert f"agentmm traces collect -n 1 --store {store}" in ran.err


def test_an_interrupted_command_names_the_store_that_it_was_given(agentmm: Any, monkeypatch: Any) -> None:
    from agentmm.cli import making

    def interrupted(**given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "collect_runs", interrupted)
    ran = agentmm("traces", "collect", "--store", "my runs.db")
    assert ran.code == 130
    assert "is kept (agentmm traces list --store 'my runs.db')" in ran.err
    assert "is kept (agentmm traces list)" in agentmm("traces", "collect").err
    assert "kept in --out; the same command goes on with it" in agentmm("improve", "--out", "round").err
    monkeypatch.setattr("agentmm.eval.evaluate_world", interrupted)
    ran = agentmm("eval", "world")
    assert (ran.code, ran.err) == (130, "error: interrupted; of an evaluation that did not end nothing is kept\n")


def test_what_a_collection_leaves_out_or_is_not_for_is_said(agentmm: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("agentmm.collect.collect_gold", lambda questions, *_, **__: len(questions))
    ran = agentmm("traces", "collect", "-n", "2", "--samples", "3", "--split", "test", "--store", "c.db")
    said = ran.err.splitlines()
    assert ran.code == 0
    assert said[0].startswith("traces of the split test are for measuring alone: no planner must be trained on them")
    assert said[1].startswith("a gold program is carried out once: --samples 3 is for a planner")
    assert said[2] == "next: agentmm traces list --store c.db"
    assert agentmm("traces", "collect", "-n", "2").err == "next: agentmm traces pairs pairs.jsonl\n"


TOOLS = """
import agentmm
from agentmm.tool import tool
@tool
def good(text: str) -> str:
    "Say it."
    return text
@tool(version="2")
def poor(text: str) -> str:
    return text
@agentmm.tool
async def other(text: str) -> str:
    "Say it too."
    return poor(text)
def plain(text): ...
"""


def test_a_file_of_tools_wants_a_name_and_says_which_are_there(agentmm: Any, tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text(TOOLS + "raise SystemExit('it was run')\n")
    ran = agentmm("ask", "--planner", "scripted", "--tools", "t.py", "q")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "got 't.py'; expected t.py:NAME; try: t.py:good or t.py:poor or t.py:other" in ran.err
    (tmp_path / "t.py").write_text("def broken(:\n")
    assert agentmm("ask", "--planner", "scripted", "--tools", "t.py", "q").err.endswith("expected t.py:NAME\n")
    assert "no such file; got 'u.py'" in agentmm("ask", "--planner", "scripted", "--tools", "u.py", "q").err
    assert "which graph of the file" in agentmm("ask", "--planner", "scripted", "--graph", "t.py", "q").err
