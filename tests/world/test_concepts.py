"""Concepts: each can be asked for, and holds no word that tests keep for themselves."""

from __future__ import annotations

from agentmm.world.concepts import concepts, plainly
from agentmm.world.invented import (
    ANSWERS,
    BETWEEN,
    CHECKED,
    CONVERTED,
    COUNTED,
    HEARD,
    MEASURED,
    NAMED,
    SPELT,
    TURNED,
)
from agentmm.world.lexicon import lexicon
from agentmm.world.wordings.skeletons import free_words, skeletons, words_of
from agentmm.world.wordings.untrained import WORDINGS as UNTRAINED


def test_every_concept_has_words_questions_and_neighbours() -> None:
    found = concepts()
    assert len(found) > 100
    names = [concept.name for concept in found]
    assert len(set(names)) == len(names)
    for concept in found:
        assert len(concept.called) >= 3
        assert len(concept.asks) >= 5
        assert concept.name not in concept.unlike


def test_words_of_free_sentences_stay_words_of_no_training() -> None:
    free = free_words()
    for concept in concepts():
        assert not any(words_of(text) & free for text in (concept.name, *concept.called, *concept.asks))
    for words in (COUNTED, MEASURED, NAMED, HEARD, TURNED, CONVERTED, SPELT, CHECKED, BETWEEN, ANSWERS):
        assert not any(words_of(text) & free for text in words)


def test_no_sentence_of_a_test_is_among_what_training_reads() -> None:
    asked = {plainly(text) for kept in skeletons().values() for text in (*kept.unseen, *kept.free)}
    asked |= {plainly(text) for kept in UNTRAINED.values() for text in kept.every}
    assert plainly("How tall is it?") == ("how", "tall", "is", "it")
    assert not asked & {plainly(text) for concept in concepts() for text in concept.asks}
    assert not asked & {plainly(text) for sense in lexicon() for text in sense.says}


def test_a_word_points_at_one_concept() -> None:
    called = [word for concept in concepts() for word in concept.called]
    assert len(set(called)) == len(called)
