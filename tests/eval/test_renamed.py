"""Held-out tools of the split `hard`: the default ones under names and descriptions of no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentmm.agent import DEFAULT_TOOLS, Agent
from agentmm.errors import ToolError
from agentmm.eval.renamed import NAMES, renamed
from agentmm.eval.running import Sample, ask_all, run_column
from agentmm.registry import load_tools
from agentmm.tool.faults import Faults
from agentmm.train.offers import RENAMED, sayings
from agentmm.world.sample import sample_questions


def test_names_and_descriptions_are_of_no_training() -> None:
    assert len(NAMES) == 8
    said = {says for several in sayings().values() for pattern in several for says in pattern}
    for tool, (name, says) in NAMES.items():
        assert name not in RENAMED[tool]
        assert says not in said
    tools = load_tools(DEFAULT_TOOLS)
    for before, after in zip(tools, renamed(tools), strict=True):
        assert after.params == before.params
        assert (after.name, after.description) == NAMES.get(before.name, (before.name, before.description))
    (doubled,) = renamed([calc := load_tools(["calculate"])[0]])
    assert doubled.call(expression="2 * 3").value == calc.call(expression="2 * 3").value


def test_hard_questions_say_so_and_are_asked_of_the_other_agent(tmp_path: Path) -> None:
    asked = list(sample_questions("hard", 60, 4, families=["calculation"]))
    assert 3 <= sum(question.renamed for question in asked) <= 20
    assert not any(question.renamed for question in sample_questions("test", 60, 4, families=["calculation"]))
    names: list[set[str]] = []

    def note(messages: Any, tools: Any, media: Any) -> str:
        names.append({tool.name for tool in tools})
        return "7"

    with (
        Agent(note, load_tools(["calculate"]), home=tmp_path) as agent,
        Agent(note, renamed(load_tools(["calculate"])), home=tmp_path) as other,
    ):
        outcomes = list(ask_all(agent, asked, Faults(), other))
    assert [outcome.id for outcome in outcomes] == [question.id for question in asked]
    assert names == [{"reckon"} if question.renamed else {"calculate"} for question in asked]


def test_a_failed_call_is_told_under_the_name_that_was_called() -> None:
    faults = Faults()
    (other,) = renamed(faults.wrap(load_tools(["calculate"])))
    faults.plan({"tool": "calculate", "kind": "error", "times": 1})
    with pytest.raises(ToolError, match=r"^reckon failed: "):
        other.call(expression="1 + 1")
    assert other.call(expression="1 + 1").value == {"value": 2}


def test_gold_programs_have_the_tools_under_their_own_names() -> None:
    outcomes = run_column("scripted", Sample("hard", 30, 4, ("calculation",)))
    assert all(outcome.right for outcome in outcomes)
