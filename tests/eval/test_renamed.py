"""Held-out tools of the split `hard`: the default ones under names and descriptions of no training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agentmm.agent import DEFAULT_TOOLS, Agent
from agentmm.errors import ToolError
from agentmm.eval.renamed import HOUSES, NAMES, house_of, renamed
from agentmm.eval.running import Sample, ask_all, run_column
from agentmm.registry import load_tools
from agentmm.tool.faults import Faults
from agentmm.tool.told import LONGEST
from agentmm.train.offers import RENAMED, sayings
from agentmm.world.sample import sample_questions

BUILDING = {
    "a", "an", "the", "of", "in", "on", "to", "for", "and", "or", "is", "it", "its", "that", "this", "as", "by", "with",
    "from", "at", "what", "which", "how",
}  # fmt: skip
"""Words that say nothing of a tool."""


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower())) - BUILDING


@pytest.mark.parametrize("tool", NAMES)
def test_names_and_descriptions_are_of_no_training(tool: str) -> None:
    said = [words(says) for pattern in sayings()[tool] for says in pattern]
    known = {word for one in said for word in one} | {part for name in RENAMED[tool] for part in name.split("_")}
    for name, says in NAMES[tool]:
        assert not set(name.split("_")) & (known | {*tool.split("_")})
        assert max(len(words(says) & one) / len(words(says) | one) for one in said) < 0.4
        assert len(says) <= LONGEST


def test_every_house_has_its_own_name_for_each_tool() -> None:
    assert len(NAMES) == 8
    assert all(len(names) == HOUSES for names in NAMES.values())
    names = [name for several in NAMES.values() for name, _ in several]
    assert len(set(names)) == len(names)
    tools = load_tools(DEFAULT_TOOLS)
    for house in range(HOUSES):
        for before, after in zip(tools, renamed(tools, house), strict=True):
            assert after.params == before.params
            told = NAMES[before.name][house] if before.name in NAMES else (before.name, before.description)
            assert (after.name, after.description) == told


def test_a_renamed_tool_gives_the_same() -> None:
    (doubled,) = renamed([calc := load_tools(["calculate"])[0]], 1)
    assert doubled.call(expression="2 * 3").value == calc.call(expression="2 * 3").value


def test_hard_questions_say_so_and_are_asked_of_the_agent_of_their_house(tmp_path: Path) -> None:
    asked = list(sample_questions("hard", 60, 4, families=["calculation"]))
    assert 3 <= sum(question.renamed for question in asked) <= 20
    assert len({house_of(question.id) for question in asked}) == HOUSES
    assert not any(question.renamed for question in sample_questions("test", 60, 4, families=["calculation"]))
    names: list[set[str]] = []

    def note(messages: Any, tools: Any, media: Any) -> str:
        names.append({tool.name for tool in tools})
        return "7"

    tools = load_tools(["calculate"])
    with Agent(note, tools, home=tmp_path) as agent:
        others = [Agent(note, renamed(tools, house), home=tmp_path) for house in range(HOUSES)]
        outcomes = list(ask_all(agent, asked, Faults(), others))
        for other in others:
            other.close()
    assert [outcome.id for outcome in outcomes] == [question.id for question in asked]
    known = [NAMES["calculate"][house_of(q.id)][0] if q.renamed else "calculate" for q in asked]
    assert names == [{name} for name in known]


def test_a_failed_call_is_told_under_the_name_that_was_called() -> None:
    faults = Faults()
    (other,) = renamed(faults.wrap(load_tools(["calculate"])))
    faults.plan({"tool": "calculate", "kind": "error", "times": 1})
    with pytest.raises(ToolError, match=r"^sumsmith failed: "):
        other.call(expression="1 + 1")
    assert other.call(expression="1 + 1").value == {"value": 2}


def test_gold_programs_have_the_tools_under_their_own_names() -> None:
    outcomes = run_column("scripted", Sample("hard", 30, 4, ("calculation",)))
    assert all(outcome.right for outcome in outcomes)
