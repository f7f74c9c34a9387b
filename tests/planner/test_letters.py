"""Texts that a server or a model spelt in halves can be stored."""

from agentmm.planner.completion import json_of, parse_completion
from agentmm.planner.foreign.calls import HERMES
from agentmm.planner.letters import storable


def test_halves_become_a_letter_or_a_question_mark():
    value = {"a\ud800": ["\ud83d\ude00", "x\udc00\ud83dy", 3, None], "b": "as it is, ü \U0001f600"}
    assert storable(value) == {"a?": ["\U0001f600", "x??y", 3, None], "b": "as it is, ü \U0001f600"}


def test_json_and_calls_hold_none():
    assert json_of(r'{"x": "a\ud800b", "y": "\ud83d\ude00"}') == {"x": "a?b", "y": "\U0001f600"}
    found = parse_completion(r'<tool_call>{"name": "look", "arguments": {"x": "\udfff"}}</tool_call>')
    assert found.calls[0].arguments == {"x": "?"}
    read = HERMES.read('<tool_call>\n{"name": "look", "arguments": {"x": "\\udfff"}}\n</tool_call>')
    assert (read.calls, read.malformed) == ([("look", {"x": "?"})], [])
