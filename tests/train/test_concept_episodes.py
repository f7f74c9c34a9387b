"""Episodes about concepts: the called tool is offered, and what is answered is what it told, under the asked name."""

from __future__ import annotations

import json
import re

import numpy as np

from agentmm.tool.told import SIGNATURES
from agentmm.train.concept_episodes import concept_episode
from agentmm.train.offers import RENAMED
from agentmm.world.concepts import ASKED_ABOUT, CONFUSED, concepts, drawn_concept

NAMES = {concept.name: concept for concept in concepts()}


def test_the_asked_thing_is_picked_from_one_result_or_has_a_tool_of_its_own() -> None:
    rng, together = np.random.default_rng(3), 0
    for _ in range(400):
        (question, called, seen, answer), offered = concept_episode(SIGNATURES, rng)
        (call,) = called["tool_calls"]
        names = [signature.partition("(")[0] for signature in offered]
        assert names.count(call["name"]) == 1
        assert len(set(names)) == len(names)
        assert call["name"] not in RENAMED
        (kind,) = call["args"]
        assert question["content"][0] == {"type": kind, "file_id": call["args"][kind]}
        told = json.loads(seen["content"])
        if called["content"]:  # a tool of its own, noted first
            assert called["content"] in NAMES
            assert [str(value) for value in told.values()] == [answer["content"]]
            continue
        together += 1
        noted = re.fullmatch(r"<think>(.+)</think>(.+)", answer["content"])
        assert noted is not None
        asked = noted[1].removesuffix(f" {noted[2]}")
        assert str(told[asked]) == noted[2]
        assert asked in NAMES
        assert len(told) >= 2
    assert 200 < together < 280


def test_each_tool_of_its_own_says_what_it_is_about_in_its_name_or_beside_it() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        (_, called, *_), offered = concept_episode(SIGNATURES, rng)
        if not called["content"]:
            continue
        (own,) = (signature for signature in offered if signature.startswith(called["tool_calls"][0]["name"] + "("))
        assert called["content"].lower() in own.lower().replace("_", " ")


def test_the_same_state_gives_the_same_episode() -> None:
    first = [concept_episode(SIGNATURES, rng) for rng in [np.random.default_rng(7)] for _ in range(5)]
    again = [concept_episode(SIGNATURES, rng) for rng in [np.random.default_rng(7)] for _ in range(5)]
    assert first == again


def test_what_planners_mistake_is_drawn_most_often_and_what_the_practice_world_asks_about_more_than_the_rest() -> None:
    assert set(ASKED_ABOUT) <= NAMES.keys()
    assert set(CONFUSED) <= NAMES.keys()
    rng = np.random.default_rng(5)
    drawn = [drawn_concept(rng).name for _ in range(3000)]
    mistaken = 0.4 + 0.3 * len(set(CONFUSED) & set(ASKED_ABOUT)) / len(ASKED_ABOUT) + 0.3 * len(CONFUSED) / len(NAMES)
    assert abs(sum(name in CONFUSED for name in drawn) / 3000 - mistaken) < 0.04
    either = set(CONFUSED) | set(ASKED_ABOUT)
    assert abs(sum(name in either for name in drawn) / 3000 - (0.7 + 0.3 * len(either) / len(NAMES))) < 0.04


def test_a_date_a_store_and_an_hour_look_like_what_they_are() -> None:
    rng, seen = np.random.default_rng(6), set()
    for _ in range(800):
        (_, called, told, _), _ = concept_episode(SIGNATURES, rng)
        values = json.loads(told["content"])
        if "date" in values:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d|\d{1,2}[- ][A-Z][a-z]{2}[- ]\d{4}", values["date"])
            seen.add("date")
        if "store" in values:
            assert re.fullmatch(r"\S+ (?:Works|House|and Sons|Hall|Group|Partners)", values["store"])
            seen.add("store")
        if called["content"] == "time of day":
            assert re.fullmatch(r"\d\d:\d\d", next(iter(values.values())))
            seen.add("hour")
    assert seen == {"date", "store", "hour"}
