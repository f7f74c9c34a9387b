"""Episodes with other tools around them: what is called is offered, what is not offered is said to be missing."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest

from agentmm.tool.told import LONGEST
from agentmm.train.imagined import imagine_episodes
from agentmm.train.imagined_rows import SIGNATURES
from agentmm.train.offers import NO_TOOL, RENAMED, invented_episode, offer, other_names, sayings
from agentmm.world.invented import KINDS, ask_for, invent
from agentmm.world.program import said_aloud

NAME = re.compile(r"^\w+(?=\()")


def names_of(signatures: list[str]) -> list[str]:
    return [NAME.findall(signature)[0] for signature in signatures]


def calls_of(messages: list[dict]) -> list[dict]:
    return [call for message in messages for call in message.get("tool_calls", ())]


def test_every_call_of_an_episode_told_again_is_offered_under_its_name() -> None:
    rng, told, lacking, orders = np.random.default_rng(0), set(), 0, set()
    for episode in imagine_episodes(190, 3):
        messages, signatures = offer(episode, SIGNATURES, rng)
        names = names_of(signatures)
        assert len(names) == len(set(names))
        orders.add(tuple(names))
        if messages[-1]["content"] == NO_TOOL:
            lacking += 1
            own = calls_of(episode)[0]["name"]
            assert not {own, *RENAMED[own]} & set(names)
            continue
        assert {call["name"] for call in calls_of(messages)} <= set(names)
        assert [call["args"] for call in calls_of(messages)] == [call["args"] for call in calls_of(episode)]
        told |= {call["name"] for call in calls_of(messages)}
    assert 3 <= lacking <= 30
    assert len(orders) > 140
    assert told & set(RENAMED["detect"])
    assert {"detect", "read_text"} <= told


def test_a_failed_call_is_told_under_the_new_name() -> None:
    episode = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "read_text", "args": {"image": "image_1"}}]},
        {"role": "tool", "content": '{"error": "read_text failed: internal error"}'},
        {"role": "assistant", "content": "unanswerable: read_text failed"},
    ]
    for seed in range(40):
        messages, _ = offer(episode, SIGNATURES, np.random.default_rng(seed))
        if messages[-1]["content"] == NO_TOOL:
            continue
        name = calls_of(messages)[0]["name"]
        assert messages[2]["content"].startswith(f'{{"error": "{name} failed')
        assert messages[3]["content"] == f"unanswerable: {name} failed"


def said(value: object) -> str:
    """A result as an answer."""
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


@pytest.mark.parametrize("kind", KINDS)
def test_an_invented_tool_is_asked_for_called_and_its_result_is_the_answer(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        tool = invent(rng, kind)
        asked = ask_for(tool, rng)
        assert list(asked.arguments) == re.findall(r"(\w+):", tool.signature)
        assert asked.answer in map(said, asked.result.values())
        assert tool.noun.lower() in asked.text.lower()
        assert asked.media or all(str(value) in asked.text for value in asked.arguments.values())
        assert not set("{}") & set(asked.text)


def test_an_invented_tool_is_offered_or_missed() -> None:
    rng, missed = np.random.default_rng(2), 0
    for _ in range(200):
        messages, signatures = invented_episode(SIGNATURES, rng)
        if len(messages) == 2:
            missed += 1
            assert said_aloud(messages[1]["content"]) == NO_TOOL
            continue
        (call,) = calls_of(messages)
        assert call["name"] in names_of(signatures)
        told = json.loads(messages[2]["content"]).values()
        assert messages[3]["content"] in map(said, told)
    assert 45 <= missed <= 90


def test_a_tool_is_described_in_many_words_that_fit_one_line() -> None:
    assert set(sayings()) == set(RENAMED)
    for patterns in sayings().values():
        assert len(patterns) > 60
        assert all(0 < len(says) <= LONGEST and "\n" not in says for pattern in patterns for says in pattern)


def test_other_names_are_the_same_for_the_same_key_and_each_is_one_tools() -> None:
    assert other_names("train-1") == other_names("train-1") != other_names("train-2")
    for number in range(2000):
        names = other_names(str(number))
        assert not {name for name, _ in names.values()} & set(RENAMED)
        assert 3 < len(names) <= len(RENAMED)
        called = [name for name, _ in names.values()]
        assert len({*called, *(set(RENAMED) - set(names))}) == len(RENAMED)
        assert all(any(says in pattern for pattern in sayings()[tool]) for tool, (_, says) in names.items())


def test_in_a_foreign_house_all_tools_are_there_and_described() -> None:
    rng, foreign, own_names = np.random.default_rng(3), 0, 0
    (episode,) = imagine_episodes(1, 8)
    own = Counter(signature[signature.index("(") : signature.index(")")] for signature in SIGNATURES)
    for _ in range(200):
        messages, signatures = offer(episode, SIGNATURES, rng)
        described = [signature for signature in signatures if not signature.endswith(")")]
        takes = Counter(signature[signature.index("(") : signature.index(")")] for signature in described)
        if messages[-1]["content"] != NO_TOOL and not own - takes:
            foreign += 1
            own_names += sum(signature.partition("(")[0] in RENAMED for signature in described)
    assert 30 < foreign < 90
    assert 0.05 < own_names / (foreign * len(SIGNATURES)) < 0.15
