"""Imagined episodes: every family can be told from the truth, and what is told leads to the right answer."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from agentmm.train.imagined import Unimaginable, forgotten, imagine, imagine_episodes, imagine_shown, value_of
from agentmm.world.families import FAMILIES
from agentmm.world.program import said_aloud
from agentmm.world.sample import sample_questions
from agentmm.world.score import is_right


def test_every_family_is_told_and_mostly_answered_right():
    rng, right, told = np.random.default_rng(0), 0, defaultdict(int)
    blind = [name for name, family in FAMILIES.items() if family.weight > 0 and family.group != "sight"]
    for question in sample_questions("val", 330, 5, families=blind):
        messages = imagine(question, rng)
        told[question.family] += 1
        right += is_right(said_aloud(messages[-1]["content"]), question.accepted, question.kind, question.others)
    assert set(told) == set(blind)
    assert right / 330 > 0.9  # the rest are the things that the telling misses and misreads on purpose


def test_codes_and_sounds_are_told_in_the_tools_words():
    """The observations of `read_code` and `transcribe` have the keys of the tools' own results."""
    rng = np.random.default_rng(0)
    for family, tool, keys in (("qr_content", "read_code", {"count", "codes"}), ("train_hour", "transcribe", {"text"})):
        (question,) = sample_questions("val", 1, 2, families=[family])
        messages = imagine(question, rng)
        assert messages[1]["tool_calls"][0]["name"] == tool
        assert set(json.loads(messages[2]["content"])) == keys


def test_a_question_whose_picture_was_forgotten_is_told_as_unanswerable():
    (question,) = sample_questions("val", 1, 2, families=["count_shape"])
    (sound,) = sample_questions("val", 1, 2, families=["train_hour"])
    assert forgotten(question) == [
        {"role": "user", "content": [{"type": "text", "text": question.text}]},
        {"role": "assistant", "content": "unanswerable: no picture found"},
    ]
    assert forgotten(sound)[-1]["content"] == "unanswerable: no sound found"
    told = [messages[-1]["content"] for messages in imagine_episodes(400, 0)]
    assert 1 <= told.count("unanswerable: no picture found") <= 20


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        ("10 - 4 - 3", 3),
        ("7.50 - 0.25", 7.25),
        ("7 / 2", 3.5),
        ("18 >= 18.00", True),
        ("2 * 3 < 6", False),
        ("2 <= 1.5", False),
    ],
)
def test_values_by_hand(expression, value):
    assert value_of(expression) == value


def test_what_only_eyes_tell_is_not_told_without_a_picture():
    for family in ("busy", "comes_to", "turned_value"):
        (question,) = sample_questions("val", 1, 2, families=[family])
        with pytest.raises(Unimaginable, match="eyes"):
            imagine(question, np.random.default_rng(0))


def test_what_cannot_be_told_is_refused():
    with pytest.raises(Unimaginable):
        value_of("(1 + 2) * 3")


def test_a_turned_page_is_shown_again_the_right_way_up():
    rng, upright = np.random.default_rng(0), 0
    for question in sample_questions("val", 12, 4, families=["turned_value", "turned_sign_line"]):
        messages, media = imagine_shown(question, rng, sighted=True)
        call = messages[1]["tool_calls"][0]
        assert call["name"] == "rotate"
        assert messages[1]["content"] == f"turn it by {call['args']['degrees']}"
        assert messages[2]["content"][1] == {"type": "image", "file_id": "image_2"}
        before, after = media
        assert np.array_equal(after.pixels, before.truth.page.pixels)
        upright += messages[3]["tool_calls"][0]["args"] == {"image": "image_2"}
        said = said_aloud(messages[-1]["content"])
        assert is_right(said, question.accepted, question.kind, question.others) or "region" in said
    assert upright == 12


def test_rotate_that_fails_makes_no_picture():
    rng = np.random.default_rng(0)
    (question,) = sample_questions("val", 1, 4, families=["turned_value"])
    failing = replace(question, fault={"tool": "rotate", "kind": "error", "times": 1})
    messages, media = imagine_shown(failing, rng, sighted=True)
    assert "rotate failed" in messages[2]["content"]
    assert messages[4]["content"][1]["file_id"] == "image_2"
    assert len(media) == 2
