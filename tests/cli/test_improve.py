"""`agentmm improve`: what promotes, and what is said when there is nothing to learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentmm.cli import making
from agentmm.cli.improve import better
from agentmm.eval import running
from agentmm.eval.running import Outcome
from agentmm.trace import TraceStore


@pytest.mark.parametrize(
    ("hard", "test", "promoted"),
    [
        ((0.01, 0.05), (-0.01, 0.02), True),
        ((0.01, 0.05), (-0.04, -0.01), False),
        ((-0.01, 0.05), (0.0, 0.02), False),
        ((0.0, 0.0), (0.0, 0.0), False),
    ],
)
def test_only_a_sure_gain_on_hard_without_a_sure_loss_on_test_promotes(hard: Any, test: Any, promoted: bool) -> None:
    assert better(hard, test) is promoted


@pytest.mark.parametrize("planner", ["scripted", "provider:model", "hf:gone"])
def test_a_planner_that_cannot_be_trained_is_refused_before_anything_is_asked(agentmm, tmp_path, planner) -> None:
    ran = agentmm("improve", "--planner", planner, "--out", tmp_path / "out")
    assert ran.code == 2
    assert "no planner that can be trained here" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder_for_the_round(agentmm, tmp_path) -> None:
    (tmp_path / "file").write_text("here", encoding="utf-8")
    ran = agentmm("improve", "--out", tmp_path / "file")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--out is no folder that can be made" in ran.err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "here"


def test_the_round_collects_pairs_trains_judges_and_keeps_what_is_better(agentmm, tmp_path, monkeypatch) -> None:
    """The steps are others' and tested there; here they only say what they were given."""
    told: list[str] = []

    def collected(**given: Any) -> dict[str, Any]:
        told.append(f"collect {given['n']} x {given['samples']}")
        return {"traces": 7, "questions": given["n"], "failed": 1}

    def paired(store: str, path: Path, most: int) -> dict[str, Any]:
        told.append("pair")
        return {"pairs": 3, "questions": 2, "path": str(path)}

    def trained(*, out: Path, **given: Any) -> dict[str, Any]:
        told.append("train")
        out.mkdir()
        (out / "config.json").write_text("{}")
        told[-1] += " swapped" if given.get("control") else f" {given['seed']}"
        return {"pairs": 3, "margin_grew": 0.7, "kl": 0.01, "steps": [{}]}

    def asked(planner: str, sample: Any, **given: Any) -> list[Outcome]:
        told.append(f"{sample.split} {planner}")
        better_now = planner.endswith("dpo") and sample.split == "hard"
        return [Outcome(str(i), "sum", "scene", True, "1", "answered", better_now or i % 2 == 0) for i in range(40)]

    monkeypatch.setattr(making, "collect_runs", collected)
    monkeypatch.setattr(making, "write_pairs", paired)
    monkeypatch.setattr(making, "train_on_pairs", trained)
    monkeypatch.setattr(running, "run_column", asked)
    out = tmp_path / "out"
    ran = agentmm("improve", "-n", 2, "--samples", 4, "--out", out, "--json", "--quiet")
    report = json.loads(ran.out)
    after = f"hf:{out / 'dpo'}"
    assert told == ["collect 2 x 4", "pair", "train 0", "hard nano", f"hard {after}", "test nano", f"test {after}"]
    assert report["collected"] == {"questions": 2, "traces": 7}
    assert sorted(path.name for path in out.glob("*_*")) == [
        "hard_before_400_0.jsonl", "hard_dpo.jsonl", "test_before_400_0.jsonl", "test_dpo.jsonl"
    ]  # fmt: skip
    dpo = report["trained"]["dpo"]
    assert (ran.code, report["promoted"], dpo["hard"]["difference"], dpo["test"]["difference"]) == (0, "dpo", 0.5, 0)
    assert (dpo["margin_grew"], dpo["kl"]) == (0.7, 0.01)
    assert "steps" not in dpo
    assert (out / "promoted" / "config.json").is_file()
    told.clear()
    several = tmp_path / "several"
    ran = agentmm("improve", "-n", 2, "--out", several, "--seeds", 2, "--control", "--quiet")
    assert [line for line in told if line.startswith("train")] == ["train 0", "train 1", "train swapped"]
    assert told.count("hard nano") == told.count("test nano") == 1
    assert f"hard hf:{several / 'control'}" in told
    assert "promoted: dpo" in ran.out
    monkeypatch.setattr(making, "write_pairs", lambda *given: {"pairs": 0, "questions": 0, "path": ""})
    ran = agentmm("improve", "-n", 2, "--out", tmp_path / "again", "--quiet")
    assert ran.code == 1
    assert "nothing to learn from" in ran.err


def test_further_questions_are_of_the_families_whose_runs_disagree(tmp_path) -> None:
    store = TraceStore(tmp_path / "sampled.db")
    told = {"cell": ["right", "wrong"], "sum": ["right", "right"], "sort": ["wrong", "wrong"]}
    for family, outcomes in told.items():
        for number, outcome in enumerate(outcomes):
            trace = f"{family}{number}"
            store.append(trace, "start", {"question": "?", "media": {}, "tools": [], "source": "sampled"})
            store.label(trace, "question", {"id": f"train-3-000001-{family}", "family": family})
            store.label(trace, "outcome", outcome)
    store.append("other", "start", {"question": "?", "media": {}, "tools": [], "source": "sampled"})
    store.label("other", "question", {"id": "train-4-000001-sum", "family": "sum"})
    store.label("other", "outcome", "wrong")
    store.close()
    found = making.disagreement(str(tmp_path / "sampled.db"), "train", 3)
    assert found == {"cell": 3.0, "sum": 0.05, "sort": 0.05}
    assert making.disagreement(str(tmp_path / "sampled.db"), "train", 9) == {}


def test_a_folder_with_the_round_of_another_planner_is_refused(agentmm, tmp_path) -> None:
    (tmp_path / "planner.txt").write_text("0123456789abcdef\n")
    ran = agentmm("improve", "-n", 2, "--out", tmp_path, "--quiet")
    assert ran.code == 2
    assert "the round of another planner" in ran.err
    assert not (tmp_path / "sampled.db").exists()
