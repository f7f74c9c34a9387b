"""Coined families: their programs find what was drawn, and the untrained ones are none of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from agentmm.eval.score import is_right
from agentmm.train.demonstrations import template_of, varied
from agentmm.train.imagined import imagine
from agentmm.world.families import COINED, FAMILIES, family_of, untrained
from agentmm.world.program import said_aloud
from agentmm.world.sample import Question, sample_questions


def asked_of(name: str, n: int, seed: int = 3) -> list[Question]:
    template = template_of(COINED[name], np.random.default_rng(seed))
    return list(sample_questions("train", n, seed, families=[name], wordings={name: (template,)}, per_picture=1))


def test_programs_over_tools_that_seldom_err_find_what_was_drawn() -> None:
    rng, right, asked = np.random.default_rng(0), Counter(), 0
    for name in COINED:
        for question in asked_of(name, 2):
            asked += 1
            answer = said_aloud(imagine(question, rng)[-1]["content"])
            right[is_right(answer, question.accepted, question.kind, question.others)] += 1
    assert asked == 2 * len(COINED)
    assert right[True] / asked > 0.8


def test_the_untrained_families_are_none_of_them() -> None:
    """The last line, the form of what is furthest left, and all shapes less those of a colour."""
    names = {family.name for family in untrained.FAMILIES}
    assert not names & set(COINED)
    assert not {"coined_line_last", "coined_left_shape_1", "coined_without_colour"} & set(COINED)
    assert {"coined_line_last_but_one", "coined_left_shape_2", "coined_without_shape", "coined_with_colour"} <= set(
        COINED
    )
    assert not set(FAMILIES) & set(COINED)
    assert family_of("height") is FAMILIES["height"]
    assert family_of("coined_line_first") is COINED["coined_line_first"]


def test_they_are_asked_with_wordings_alone() -> None:
    with pytest.raises(ValueError, match="unknown families"):
        next(sample_questions("train", 1, families=["coined_line_first"]))


def test_wordings_that_are_given_are_asked_as_they_are() -> None:
    """A demonstration and its question have the same words, typing aside."""
    wordings = {"coined_line_first": ("zab tell printed qix",)}
    texts = [q.text for q in sample_questions("train", 40, 1, families=list(wordings), wordings=wordings)]
    assert sum("zab tell printed qix" in text.lower() for text in texts) > 30


def test_a_varied_template_keeps_its_words_and_places() -> None:
    for seed in range(30):
        words = varied("zab {a} qix?", np.random.default_rng(seed)).split()
        assert [word for word in words if word in ("zab", "{a}", "qix")] == ["zab", "{a}", "qix"]
