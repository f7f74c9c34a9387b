"""Intervals, baselines, wordings files and the report, over a planner and tools that cost nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from agentmm.agent import Agent
from agentmm.errors import AgentmmError, UsageError
from agentmm.eval import evaluate_world, format_report, running
from agentmm.eval.compare import compare
from agentmm.eval.intervals import difference, ratio, wilson
from agentmm.eval.world import load_wordings
from agentmm.world.sample import sample_questions


def test_wilson() -> None:
    """8 of 10: Wilson's interval is (0.4902, 0.9433) (Newcombe 1998, method 3)."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=2e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == 1.0


def test_ratio() -> None:
    assert ratio([True, False, True, False], [True, True, True, True]) is not None
    value, (low, high) = ratio([True] * 9 + [False], [True] * 10)  # type: ignore[misc]
    assert value == 0.9
    assert low <= 0.9 <= high <= 1.0
    assert ratio([False], [False]) is None


def test_difference() -> None:
    """One of four gained: +0.25; a resample of four pairs gains 0 to 4 of them."""
    value, (low, high) = difference([True, False, False, True], [True, True, False, True])
    assert value == 0.25
    assert 0.0 <= low < 0.25 < high <= 1.0
    assert difference([True] * 5, [True] * 5) == (0.0, (0.0, 0.0))


FAMILIES = ["calculation", "comparison", "larger"]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return evaluate_world("scripted", "test", 12, 0, families=FAMILIES)


def test_evenly_each_family_is_asked_as_often(report: dict[str, Any]) -> None:
    evenly = evaluate_world("scripted", "test", 9, 0, families=FAMILIES, evenly=True, baselines=False)
    assert [evenly["by_family"][name]["n"] for name in FAMILIES] == [3, 3, 3]
    assert report["by_family"]["comparison"]["n"] < 4


def test_without_tools_gold_programs_are_wrong_and_the_oracle_stays(report: dict[str, Any]) -> None:
    without = evaluate_world("scripted", "test", 6, 0, families=FAMILIES, without=["tools"], baselines=False)
    assert (without["oracle"], without["accuracy"], without["without"]) == (1.0, 0.0, ["tools"])
    assert "without tools" in format_report(without)
    assert "without" not in format_report(report)


def test_gold_programs_meet_the_failing_tools_of_the_hard_split() -> None:
    hard = evaluate_world("scripted", "hard", 12, 4, families=FAMILIES, baselines=False)
    assert any(question.fault for question in sample_questions("hard", 12, 4, families=FAMILIES))
    assert hard["oracle"] == 1.0
    assert hard["calls"] > 12
    assert hard["by_wording"]["seen"]["n"] == 0


@pytest.mark.parametrize(("planner", "without"), [("scripted", ["sight"]), ("nano", ["hands"])])
def test_what_cannot_be_left_out_is_refused(planner: str, without: list[str]) -> None:
    with pytest.raises(UsageError, match="without that"):
        evaluate_world(planner, "test", 2, 0, families=FAMILIES, without=without)


def test_gold_programs_are_right_where_tools_cannot_err(report: dict[str, Any]) -> None:
    assert report["n"] == 12
    assert report["oracle"] == report["accuracy"] == report["ratio"] == 1.0
    assert set(report["by_family"]) == set(FAMILIES)
    assert report["by_wording"]["seen"]["n"] + report["by_wording"]["unseen"]["n"] == 12
    assert set(report["by_wording"]["seen"]) >= {"accuracy", "n", "ci95"}
    assert report["malformed_calls"] == 0
    assert report["calls"] == 12
    assert set(report["baselines"]) == {"most_frequent_answer", "last_tool_result", "all_text"}


def test_the_report_has_a_line_for_each_part(report: dict[str, Any]) -> None:
    text = format_report(report)
    for name in ("all", "seen", "unseen", *FAMILIES, "all_text", "malformed calls: 0 of 12"):
        assert name in text


def test_a_planner_that_is_always_wrong_and_calls_what_is_not_there() -> None:
    def planner(messages: list[Any], tools: Any = None, media: Any = None) -> Any:
        from agentmm.world.program import Call

        return "I do not know" if len(messages) > 2 else [Call("guess", {})]

    def make(tools: list[Any], home: Path) -> Agent:
        return Agent(planner=planner, tools=tools, home=home)

    report = evaluate_world(make, "test", 3, 0, families=["calculation"], baselines=False)
    assert report["accuracy"] == 0
    assert report["oracle"] == 1
    assert report["malformed_calls"] == 3
    assert report["rates"] == {
        "malformed": 0, "unknown_tool": 1, "invalid_handle": 0, "rejected_arguments": 0, "cut_off": 0,
    }  # fmt: skip


def test_runs_that_failed_are_counted_and_told(report: dict[str, Any]) -> None:
    def planner(messages: list[Any], tools: Any = None, media: Any = None) -> Any:
        raise OSError("nobody there")

    def make(tools: list[Any], home: Path) -> Agent:
        return Agent(planner=planner, tools=tools, home=home)

    found = evaluate_world(make, "test", 3, 0, families=["calculation"], baselines=False)
    assert (found["accuracy"], found["failed"], report["failed"]) == (0, 3, 0)
    assert "failed runs: 3 of 3, counted as wrong" in format_report(found)
    assert "failed" not in format_report(report)


def test_a_process_that_ends_early_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ThreadPoolExecutor):
        """A pool whose processes are killed."""

        def __init__(self, workers: int, **given: Any) -> None:
            super().__init__(workers)

        def submit(self, *given: Any) -> Any:
            def killed() -> None:
                raise BrokenProcessPool("terminated abruptly")

            return super().submit(killed)

    monkeypatch.setattr(running, "ProcessPoolExecutor", Broken)
    with pytest.raises(AgentmmError) as raised:
        running.run_column("scripted", running.Sample(n=2, families=("calculation",)), workers=2)
    assert str(raised.value).startswith("an evaluating process ended early: ")
    assert str(raised.value).endswith("; got 'scripted'; try: --workers 1, or fewer than 2")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [({"media": "image_7"}, "invalid_handle"), ({"media": "/etc/passwd"}, "invalid_handle"),
     ({"media": 3}, "rejected_arguments"), ({}, "rejected_arguments")],
)  # fmt: skip
def test_refused_calls_are_told_apart(arguments: dict[str, Any], kind: str) -> None:
    def planner(messages: list[Any], tools: Any = None, media: Any = None) -> Any:
        from agentmm.world.program import Call

        return "I do not know" if len(messages) > 2 else [Call("describe_media", arguments)]

    def make(tools: list[Any], home: Path) -> Agent:
        return Agent(planner=planner, tools=tools, home=home)

    rates = evaluate_world(make, "test", 2, 0, families=["width"], baselines=False)["rates"]
    assert {name for name, rate in rates.items() if rate} == {kind}
    assert rates[kind] == 1


def test_a_stranger_s_wordings(tmp_path: Path) -> None:
    file = tmp_path / "wordings.yaml"
    file.write_text("calculation: ['Please solve {a}']\n")
    report = evaluate_world("scripted", "test", 4, 0, wordings=file, baselines=False)
    assert set(report["by_family"]) == {"calculation"}
    assert report["by_wording"]["unseen"]["n"] == 4
    assert report["by_wording"]["seen"] | {"n": 0, "accuracy": None, "oracle": None} == report["by_wording"]["seen"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "not a file of wordings"),
        ("calculation: Please solve", "not a file of wordings"),
        ("calculation: [", "cannot read"),
        ("nonsense: ['{a}']", "unknown family"),
        ("calculation: ['Solve it']", "{a} is missing"),
        ("calculation: ['Solve {a} and {b}']", "{b} is unknown"),
    ],
)
def test_wordings_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "wordings.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        evaluate_world("scripted", "test", 2, 0, wordings=file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_wordings_and_splits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load_wordings(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="unknown split"):
        evaluate_world("scripted", "exam", 2)


def test_two_evaluations_are_compared_question_by_question(tmp_path: Path) -> None:
    files = [tmp_path / "gold.jsonl", tmp_path / "mute.jsonl"]
    ticks: list[int] = []
    evaluate_world(
        "scripted", "test", 4, 0, families=["calculation"], baselines=False, outcomes=files[0],
        tick=lambda: ticks.append(1),
    )  # fmt: skip
    assert len(ticks) == 4

    def make(tools: list[Any], home: Path) -> Agent:
        return Agent(planner=lambda messages, tools=None, media=None: "I do not know", tools=tools, home=home)

    evaluate_world(make, "test", 4, 0, families=["calculation"], baselines=False, outcomes=files[1])
    found = compare(files[1], files[0])
    assert (found["n"], found["difference"], found["gained"], found["lost"]) == (4, 1.0, 4, 0)
    assert (found["before"]["calls"], found["after"]["calls"]) == (0.0, 1.0)
    (tmp_path / "other.jsonl").write_text('{"id": "x", "right": true, "calls": 1}\n')
    with pytest.raises(UsageError, match="no question in common"):
        compare(files[0], tmp_path / "other.jsonl")
    (tmp_path / "bad.jsonl").write_text("no json\n")
    with pytest.raises(UsageError, match="cannot read the outcomes"):
        compare(files[0], tmp_path / "bad.jsonl")


def test_typed_questions_are_the_same_questions_in_another_manner() -> None:
    plain, typed = (list(sample_questions("test", 60, 1, typed=flag)) for flag in (False, True))
    assert sum(a.text != b.text for a, b in zip(plain, typed, strict=True)) > 15
    report = evaluate_world("scripted", "test", 4, 0, families=["calculation"], typed=True, baselines=False)
    assert report["oracle"] == 1


def test_outcomes_with_refused_calls_are_written(tmp_path: Path) -> None:
    def planner(messages: list[Any], tools: Any = None, media: Any = None) -> Any:
        from agentmm.world.program import Call

        return "I do not know" if len(messages) > 2 else [Call("guess", {})]

    def make(tools: list[Any], home: Path) -> Agent:
        return Agent(planner=planner, tools=tools, home=home)

    evaluate_world(make, "test", 2, 0, families=["calculation"], baselines=False, outcomes=tmp_path / "outcomes.jsonl")
    lines = (tmp_path / "outcomes.jsonl").read_text().splitlines()
    assert [json.loads(line)["refused"] for line in lines] == [{"unknown_tool": 1}] * 2
