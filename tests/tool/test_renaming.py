"""Tools under other names: what they do stays, what they say of themselves does not."""

from __future__ import annotations

import pytest

from agentmm.errors import ToolError
from agentmm.tool import tool
from agentmm.tool.renaming import renamed


@tool
def halve(number: float) -> float:
    """Half of a number."""
    if number < 0:
        raise ToolError("halve failed: below zero")
    return number / 2


def test_a_renamed_tool_does_the_same() -> None:
    (other,) = renamed([halve], {"halve": ("divvy", "Gives one of two equal parts.")})
    assert (other.name, other.description) == ("divvy", "Gives one of two equal parts.")
    assert other.params == halve.params
    assert other.call(number=9.0).value == halve.call(number=9.0).value
    assert halve.name == "halve"


def test_its_errors_name_it_as_the_planner_knows_it() -> None:
    (other,) = renamed([halve], {"halve": ("divvy", "Gives one of two equal parts.")})
    with pytest.raises(ToolError, match=r"^divvy failed: below zero"):
        other.call(number=-1.0)


def test_other_tools_stay_as_they_are() -> None:
    assert renamed([halve, print], {"double": ("twice", "Two times.")}) == [halve, print]
