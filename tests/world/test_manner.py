"""How wordings are typed."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentmm.world.wordings.manner import CLOSINGS, OPENINGS, SMALL_NAMES, as_typed, with_manner, with_unknown_words

TEMPLATE = "Which colour has the {a_one} beside {b}?"


def test_every_manner_occurs_and_most_wordings_stay_as_they_are() -> None:
    typed = Counter(with_manner(TEMPLATE, np.random.default_rng(seed)) for seed in range(3000))
    assert 0.4 < typed[TEMPLATE] / 3000 < 0.7
    assert {opening for opening in OPENINGS if any(text.startswith(opening) for text in typed)} == set(OPENINGS)
    assert {closing for closing in CLOSINGS if any(text.endswith(closing) for text in typed)} == set(CLOSINGS)
    assert typed[TEMPLATE.lower()] > 100
    assert typed[TEMPLATE[:-1]] > 100
    assert any("cloour" in text for text in typed)
    assert any("coour" in text for text in typed)
    assert any("collour" in text for text in typed)


@given(st.integers(0, 10**6), st.sampled_from([TEMPLATE, "{A}: how many?", "I need {a} and {b}.", "{a}", "Why"]))
def test_places_stay_and_little_changes(seed: int, template: str) -> None:
    typed = with_manner(template, np.random.default_rng(seed))
    places = [place.lower() for place in re.findall(r"\{\w+\}", template)]
    assert [place.lower() for place in re.findall(r"\{\w+\}", typed)] == places
    assert abs(len(typed) - len(template)) <= 45
    assert typed == with_manner(template, np.random.default_rng(seed))


def test_i_stays_a_capital_after_an_opening() -> None:
    texts = [with_manner("I need {a}.", np.random.default_rng(seed)) for seed in range(400)]
    opened = [text for text in texts if text.endswith("I need {a}.") and text[0] != "I"]
    assert opened
    assert all(text[: -len("I need {a}.")] in OPENINGS for text in opened)
    assert not any(", i need" in text for text in texts if text != text.lower())


def test_unknown_words_take_the_place_of_some_and_leave_places_and_marks():
    told = [with_unknown_words("How many {as} are there, really?", np.random.default_rng(seed)) for seed in range(600)]
    changed = [text for text in told if text != "How many {as} are there, really?"]
    assert 80 <= len(changed) <= 160  # a fifth
    for text in changed:
        assert "{as}" in text
        assert text.endswith("?")
        assert text.count(",") == 1
        assert len(text.split()) == 6
        assert text[0].isupper()
    assert with_unknown_words("{a}?", np.random.default_rng(1)) == "{a}?"


def test_half_of_the_unknown_words_belong_elsewhere():
    told = [with_unknown_words("How many?", np.random.default_rng(n), 1.0, ("blue", "Tall")) for n in range(400)]
    new = [word for text in told for word in text.rstrip("?").split() if word not in ("How", "many")]
    elsewhere = [word for word in new if word.lower() in ("blue", "tall")]
    assert 0.4 < len(elsewhere) / len(new) < 0.6


def test_names_are_typed_in_lower_case_mostly_where_the_sentence_is():
    slots = {"a": "Green Tea", "b": "red circle"}
    for template, share in (("how much is {a}", SMALL_NAMES["lower"]), ("How much is {a}?", SMALL_NAMES["else"])):
        typed = [as_typed(template, slots, np.random.default_rng(seed)) for seed in range(400)]
        small = sum(held == {"a": "green tea", "b": "red circle"} for held in typed)
        assert small + sum(held == slots for held in typed) == 400
        assert abs(small / 400 - share) < 0.08


def test_nothing_is_drawn_for_what_has_no_capital():
    rng = np.random.default_rng(1)
    assert as_typed("How many {a}?", {"a": "red circle"}, rng) == {"a": "red circle"}
    assert rng.random() == np.random.default_rng(1).random()
