"""Tools that fail on purpose."""

from __future__ import annotations

import pytest

from agentmm.errors import ToolError
from agentmm.tool import Tool, tool
from agentmm.tool.faults import Faults


@tool(isolation="thread")
def double(number: float) -> dict:
    """Doubles a number."""
    return {"value": 2 * number}


def outcome(wrapped: Tool, number: float) -> float | None:
    try:
        return wrapped.call(number=number).value["value"]
    except ToolError:
        return None


def test_the_first_calls_of_a_tool_fail() -> None:
    faults = Faults()
    (wrapped,) = faults.wrap([double])
    faults.plan({"tool": "double", "kind": "error", "times": 2})
    assert [outcome(wrapped, 4) for _ in range(3)] == [None, None, 8]
    faults.plan({"tool": "halve", "kind": "error", "times": 2})
    assert outcome(wrapped, 4) == 8
    faults.plan({"tool": "double", "kind": "empty", "times": 1})
    assert [outcome(wrapped, 4) for _ in range(2)] == [0, 8]
    faults.plan(None)
    assert outcome(wrapped, 4) == 8


def test_flaky_tools_fail_each_new_call_by_chance_and_never_the_same_one_twice() -> None:
    faults = Faults()
    (wrapped,) = faults.wrap([double])
    failed = 0
    for salt in range(200):
        faults.plan({"tool": "", "kind": "flaky", "share": 0.5, "times": 3}, salt)
        first = [outcome(wrapped, 1), outcome(wrapped, 1)]
        assert first[1] == 2
        failed += first[0] is None
        faults.plan({"tool": "", "kind": "flaky", "share": 0.5, "times": 3}, salt)
        assert [outcome(wrapped, 1), outcome(wrapped, 1)] == first
    assert 70 < failed < 130


@pytest.mark.parametrize("times", [0, 2])
def test_no_more_calls_of_a_run_fail_than_may(times: int) -> None:
    faults = Faults()
    (wrapped,) = faults.wrap([double])
    faults.plan({"tool": "", "kind": "flaky", "share": 1.0, "times": times})
    assert [outcome(wrapped, n) for n in range(5)] == [None] * times + [2 * n for n in range(times, 5)]
