"""Answers out of traces."""

import pytest

from agentmm.agent.reading import answer_in
from agentmm.trace import Trace

OWN = {"prefill_tokens": 30, "cached_tokens": 60, "decode_tokens": 10}
TOLD = {"input_tokens": 90, "output_tokens": 11}


@pytest.mark.parametrize(
    ("counters", "tokens"), [(TOLD, 101), (OWN, 100), ({**OWN, **TOLD}, 101), ({"output_tokens": 7}, 7), ({}, 0)]
)
def test_tokens_of_a_trace_are_counted_once(counters, tokens):
    answer = answer_in(Trace(id="x", answer="two", counters=counters))
    assert answer.counters == {**counters, "errors": 0, "tokens": tokens}
