"""The lexicon: senses that can be used, apart from what tests keep for themselves."""

from __future__ import annotations

import re

import numpy as np
import pytest

from agentmm.world.lexicon import AT_HOME, lexicon, like_words
from agentmm.world.sample import sample_questions
from agentmm.world.wordings.manner import with_like_words
from agentmm.world.wordings.skeletons import free_words, skeletons, unseen_words, wordings_of, words_of


def test_every_sense_can_be_shown() -> None:
    senses = lexicon()
    assert len(senses) > 1500
    for sense in senses:
        assert len(sense.words) > 1
        assert len(set(sense.words)) == len(sense.words)
        assert all("{w}" in said for said in sense.says)
        assert not any("?" in said for said in sense.says)
        assert sense.gloss
    assert len({word for sense in senses for word in sense.words}) > 10_000


def test_words_of_free_sentences_stay_words_of_no_training() -> None:
    free = free_words()
    assert all(words_of(text) & free for found in skeletons().values() for text in found.free)
    for sense in lexicon():
        shown = (sense.gloss, *sense.words, *(said.replace("{w}", " ") for said in sense.says), *sense.unlike)
        assert not any(words_of(text) & free for text in shown)


@pytest.mark.parametrize("family", ["height", "date", "count_shape"])
def test_a_family_is_not_asked_in_the_words_that_it_keeps_for_tests(family: str) -> None:
    kept_out = unseen_words()[family]
    assert not any(words_of(other) & kept_out for others in like_words(family).values() for other in others)
    for question in sample_questions("train", 150, 3, families=[family]):
        assert not words_of(question.text) & kept_out


def test_words_of_one_meaning_take_each_others_place() -> None:
    alike = like_words("count_shape")
    assert {"image", "drawing"} & set(alike["illustration"])
    own = {word for text in wordings_of("count_shape").seen for word in words_of(text)}
    assert set(alike) <= own
    for word, others in alike.items():
        assert word not in others
        meanings = [sense for sense in lexicon() if word in sense.words]
        home = [sense for sense in meanings if len(own & set(sense.words)) >= AT_HOME]
        if home:
            assert all(any(other in sense.words for sense in home) for other in others)
        else:
            assert all(other in sense.words for sense in meanings for other in others)
    assert len(alike) > 60
    assert not {"how", "not", "what", "than"} & {*alike, *(other for others in alike.values() for other in others)}


def test_a_template_keeps_its_places_and_marks() -> None:
    likes = {"photo": ("snapshot", "still image"), "many": ("numerous",)}
    template = "Photo: how many {as} does the photo show, {B}?"
    told = {with_like_words(template, np.random.default_rng(seed), likes, 1.0) for seed in range(60)}
    assert template not in told
    assert "Snapshot: how many {as} does the photo show, {B}?" in told
    for text in told:
        assert re.findall(r"\{\w+\}|[:,?]", text) == [":", "{as}", ",", "{B}", "?"]
        assert re.sub(r"(?i)photo|snapshot|still image", "photo", text.replace("numerous", "many")) == (
            "photo: how many {as} does the photo show, {B}?"
        )
    assert with_like_words(template, np.random.default_rng(0), likes, 0.0) == template
    assert with_like_words("{a}?", np.random.default_rng(0), likes, 1.0) == "{a}?"
