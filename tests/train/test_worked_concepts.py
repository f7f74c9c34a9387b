"""Worked episodes: every answer follows from what the tool told, by the concept that the question asks for."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from agentmm.tool.told import SIGNATURES
from agentmm.train.worked_concepts import JOINED, PLACED, TALLIED, worked_episode
from agentmm.world.concepts import concepts

NAMES = {concept.name for concept in concepts()}


def _about(question: str, names: tuple[str, ...]) -> set[str]:
    """Which of these concepts a question asks for, in a sentence that it holds whole."""
    plain, named = question.lower(), [concept for concept in concepts() if concept.name in names]
    return {concept.name for concept in named if any(ask.lower().rstrip("?.") in plain for ask in concept.asks)}


def _region(text: str) -> int:
    return int(re.findall(r"\[region_(\d+)\]", text)[0])


def _works(told: dict[str, Any], rest: list[dict[str, Any]], answer: str) -> str:
    """Check one episode's arithmetic by hand; what it was about: a sign, `tally` or `places`."""
    if len(rest) == 0:
        name = answer.rpartition("</think>")[2]
        tallies = (told["labels"], told["colours"])
        ends = {end for tally in tallies for end in (next(iter(tally)), list(tally)[-1])}
        assert name in ends or int(name) in (told["count"], *map(len, tallies))
        assert told["count"] == sum(told["labels"].values())
        return "tally"
    (call,) = rest[0]["tool_calls"]
    first, sign, second = call["args"]["expression"].split()
    value = json.loads(rest[1]["content"])["value"]
    lines = next(value for key, value in told.items() if key != "count")
    if "," in rest[0]["content"]:
        here, there = (line.split()[-1].split(",") for line in lines)
        axis = 0 if [first, second] == [here[0], there[0]] else 1
        assert [first, second] == [here[axis], there[axis]]
        assert value is (int(first) < int(second) if sign == "<" else int(first) > int(second))
        assert _region(answer) == (1 if value else 2)
        assert answer.split()[-1] in lines[_region(answer) - 1]
        return "places"
    amounts = [line.rpartition(" ")[2] for line in lines]
    assert {first, second} <= set(amounts)
    if sign in "<>":
        best = (max if sign == ">" else min)(float(first), float(second))
        assert float(amounts[_region(answer) - 1]) == best
    else:
        wanted = {"+": float(first) + float(second), "-": abs(float(first) - float(second))}
        assert abs(float(answer.split()[-1]) - wanted.get(sign, float(first) * float(second))) < 0.005
    return sign


def test_answers_follow_from_what_the_tool_told() -> None:
    rng, seen = np.random.default_rng(2), set()
    for _ in range(400):
        (question, called, told, *rest, answer), offered = worked_episode(SIGNATURES, rng)
        (call,) = called["tool_calls"]
        names = [signature.partition("(")[0] for signature in offered]
        assert names.count(call["name"]) == 1
        assert "calculate" in names
        assert question["content"][1]["text"].strip()
        seen.add(_works(json.loads(told["content"]), rest, answer["content"]))
    assert seen == {"+", "-", "*", "<", ">", "tally", "places"}


def test_the_concepts_are_there_and_questions_ask_for_the_sign_that_is_used() -> None:
    assert {*JOINED, *TALLIED, *PLACED} <= NAMES
    rng, known = np.random.default_rng(6), 0
    for _ in range(300):
        (question, _, _, *rest, _), _ = worked_episode(SIGNATURES, rng)
        if not rest or "," in rest[0]["content"]:
            continue
        asked = _about(question["content"][1]["text"], tuple(JOINED))
        sign = rest[0]["tool_calls"][0]["args"]["expression"].split()[1]
        known += bool(asked)
        assert not asked or sign in {JOINED[name] for name in asked}
    assert known > 60


def test_the_same_state_gives_the_same_episode() -> None:
    first, again = (worked_episode(SIGNATURES, np.random.default_rng(9)) for _ in range(2))
    assert first == again
