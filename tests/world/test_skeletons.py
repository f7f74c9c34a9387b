"""The committed lists of wordings keep their promises."""

from __future__ import annotations

from collections import Counter

import pytest

from agentmm.world.asking import fill, unknown_places
from agentmm.world.families import FAMILIES
from agentmm.world.wordings import WORDINGS
from agentmm.world.wordings.skeletons import (
    Skeletons,
    skeletons,
    strange_words,
    unseen_digest,
    unseen_words,
    wordings_of,
    words_of,
)

ASKED = {name for name, family in FAMILIES.items() if family.weight > 0}


@pytest.fixture(scope="module")
def lists() -> dict[str, Skeletons]:
    return skeletons()


def test_every_family_has_many_wordings_for_training_and_others_for_tests(lists: dict[str, Skeletons]) -> None:
    assert set(lists) >= ASKED
    assert min(len(found.seen) for found in lists.values()) >= 150
    assert min(len(found.unseen) for found in lists.values()) >= 20
    assert min(len(found.free) for found in lists.values()) >= 2


def test_places_are_those_of_the_family_and_every_sentence_can_be_filled(lists: dict[str, Skeletons]) -> None:
    slots = {"thing": "red circle", "things": "blue", "colour": "red", "text": "Total", "number": "3"}
    for family, found in lists.items():
        kinds = FAMILIES[family].slots
        given = {slot: slots.get(kind, "2 + 3") for slot, kind in kinds.items()}
        for text in (*found.seen, *found.unseen, *found.free):
            assert not unknown_places(text, kinds), (family, text)
            filled = fill(text, given, kinds)
            assert not set(filled) & set("{}[]|"), (family, text)
            assert "  " not in filled


def test_unseen_wordings_hold_words_that_their_family_never_trained_on_and_others_did(
    lists: dict[str, Skeletons],
) -> None:
    trained = {family: frozenset().union(*map(words_of, found.seen)) for family, found in lists.items()}
    uses = Counter(word for words in trained.values() for word in words)
    for family, forbidden in unseen_words().items():
        assert not trained[family] & forbidden
        assert len([word for word in forbidden if uses[word]]) >= 6, family
        assert all(words_of(text) & forbidden for text in lists[family].unseen), family
        assert not set(lists[family].seen) & set(lists[family].unseen)


def test_free_wordings_hold_a_word_that_no_training_wording_has(lists: dict[str, Skeletons]) -> None:
    known = frozenset(word for found in lists.values() for text in found.seen for word in words_of(text))
    for found in lists.values():
        assert all(words_of(text) - known for text in found.free)


def test_training_takes_the_hand_written_templates_too_but_none_with_an_unseen_word() -> None:
    for family, forbidden in unseen_words().items():
        wordings = wordings_of(family)
        assert not any(words_of(text) & forbidden for text in wordings.seen)
        assert not set(wordings.seen) & set(wordings.unseen)
        assert any(text in wordings.seen for text in WORDINGS[family].every)


def test_strange_words_are_of_other_families_and_keep_the_unseen_ones_out(lists: dict[str, Skeletons]) -> None:
    known = frozenset(word for found in lists.values() for text in found.seen for word in words_of(text))
    for family in ("date", "width", "cell"):
        strange = frozenset(strange_words(family))
        assert len(strange) > 500
        assert strange <= known
        assert not strange & unseen_words()[family]
        assert not strange & frozenset(word for text in wordings_of(family).every for word in words_of(text))


def test_the_unseen_lists_are_those_that_were_written_first() -> None:
    assert unseen_digest() == "e25130d229679687a2914da8175797961a9145ad9eb71dccd63b61c30e220018"
