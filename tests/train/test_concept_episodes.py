"""Episodes about concepts: the called tool is offered, and what is answered is what it told, under the asked name."""

from __future__ import annotations

import json
import re

import numpy as np

from agentmm.tool.told import SIGNATURES
from agentmm.train.concept_episodes import concept_episode
from agentmm.train.offers import RENAMED
from agentmm.world.concepts import ASKED_ABOUT, concepts, drawn_concept

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
        noted = re.fullmatch(r"<think>(.+) (\S+)</think>(\S+)", answer["content"])
        assert noted is not None
        assert str(told[noted[1]]) == noted[2] == noted[3]
        assert noted[1] in NAMES
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


def test_what_the_practice_world_asks_about_is_drawn_more_often() -> None:
    assert set(ASKED_ABOUT) <= NAMES.keys()
    rng = np.random.default_rng(5)
    share = sum(drawn_concept(rng).name in ASKED_ABOUT for _ in range(3000)) / 3000
    alone = len(ASKED_ABOUT) / len(NAMES)
    assert abs(share - (0.6 + 0.4 * alone)) < 0.04
