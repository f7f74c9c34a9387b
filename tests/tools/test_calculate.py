"""Exact arithmetic."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmm.errors import ToolError
from agentmm.registry import load_tool
from agentmm.tool import stable_json


def calculate(expression):
    return load_tool("calculate").call(expression=expression).value["value"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("12.50", "12.5"),
        ("0.1 + 0.2", "0.3"),
        ("(2.5+4)*3", "19.5"),
        ("7 - 10", "-3"),
        ("2 * -3", "-6"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("2 ^ -1", "0.5"),
        ("10 / 4", "2.5"),
        ("1/3", "0.333333"),
        ("1000 / 7", "142.857"),
        ("7 % 4", "3"),
        ("6 × 2 ÷ 4 − 1", "2"),
        (".5 + 5.", "5.5"),
        ("1/3 + 1/6 + 1/2", "1"),
        ("19.99 * 3 + 0.03", "60"),
        ("3 > 2.99", "true"),
        ("1/3 = 0.333333", "false"),
        ("0.1 + 0.2 == 0.3", "true"),
        ("2 <= 1", "false"),
        ("2 != 1", "true"),
        ("123456789.25 * 4", "493827157"),
    ],
)
def test_values(expression, text):
    assert stable_json(calculate(expression)) == text


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "1 +",
        "(1",
        "1)",
        "1 2",
        "$5",
        "1,000",
        "5 euros",
        "1 < 2 < 3",
        "two",
        "__import__('os')",
        "1e9",
        "1 = ",
        "()",
    ],
)
def test_what_is_no_expression(expression):
    with pytest.raises(ToolError) as caught:
        calculate(expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("expression", ["1/0", "5 % 0", "0 ** -1", "1 / (2 - 2)"])
def test_division_by_zero(expression):
    with pytest.raises(ToolError, match="division by zero"):
        calculate(expression)


@pytest.mark.parametrize(
    "expression",
    ["9**9**9", "99999**60", "1" * 61, "2 ** 0.5", "(" * 41 + "1" + ")" * 41, "-" * 60 + "1", "1+" * 300 + "1"],
)
def test_work_is_bounded(expression):
    with pytest.raises(ToolError):
        calculate(expression)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="0123456789.+-*/%()<>=^ x", max_size=40))
def test_anything_gives_a_number_or_a_tool_error(expression):
    with contextlib.suppress(ToolError):
        assert isinstance(calculate(expression), bool | int | float)


@settings(deadline=None, max_examples=60)
@given(st.integers(-(10**9), 10**9), st.integers(0, 10**6), st.integers(1, 10**4))
def test_agrees_with_whole_number_arithmetic(a, b, c):
    assert calculate(f"({a}) * {c} + {b} - {b}") == a * c
    assert calculate(f"{a} * {c} / {c} = {a}") is True
