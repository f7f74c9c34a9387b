"""From slots to words and back."""

from __future__ import annotations

import pytest

from agentmm.world.asking import fill, in_order, match_question, unknown_places
from agentmm.world.families import FAMILIES
from agentmm.world.families.sight import SEEN
from agentmm.world.program import Call, advance
from agentmm.world.sample import program_for, sample_questions
from agentmm.world.wordings import WORDINGS

COUNTS = {"count_shape", "count_colour", "count_size", "count_colour_shape"}


@pytest.mark.parametrize(
    ("template", "slots", "kinds", "text"),
    [
        ("How many {a} are there?", {"a": "red circle"}, {"a": "things"}, "How many red circles are there?"),
        ("How many {a} are there?", {"a": "red"}, {"a": "things"}, "How many red shapes are there?"),
        ("{A}: how many?", {"a": "small cross"}, {"a": "things"}, "Small crosses: how many?"),
        ("Is there a {a}?", {"a": "orange star"}, {"a": "thing"}, "Is there an orange star?"),
        ("Are there any {a_many}?", {"a": "star"}, {"a": "thing"}, "Are there any stars?"),
        ("Is every {a_one} {b}?", {"a": "star", "b": "red"}, {"a": "things", "b": "colour"}, "Is every star red?"),
        ("Show me a {a}.", {"a": "red cross"}, {"a": "things"}, "Show me a red cross."),
        ("How many {A}?", {"a": "red cross"}, {"a": "thing"}, "How many Red crosses?"),
        ("How much is {a}?", {"a": "Green tea"}, {"a": "text"}, "How much is Green tea?"),
    ],
)
def test_fill(template: str, slots: dict, kinds: dict, text: str) -> None:
    assert fill(template, slots, kinds) == text


@pytest.mark.parametrize(
    ("text", "family", "slots"),
    [
        ("how many RED circles are there", "count", {"a": "red circle"}),
        ("  How many   circles are in the picture ?? ", "count", {"a": "circle"}),
        ("How many large things can you see?", "count", {"a": "large"}),
        ("Is there an orange cross?", "exist", {"a": "orange cross"}),
        ("What is the total?", "bill_total", {}),
        ('How much does "Green Tea" cost?', "price", {"a": "Green Tea"}),
        ("What is 12 * (3 + 4)?", "calculation", {"a": "12 * (3 + 4)"}),
        ("What colour is the large star?", "colour_of", {"a": "large star"}),
        ("Is the star left of the red heart?", "left_of", {"a": "star", "b": "red heart"}),
        ("How wide is the picture?", "width", {}),
        ("What does the sign say?", "sign_text", {}),
        ("What does the QR code say?", "qr_content", {}),
    ],
)
def test_match(text: str, family: str, slots: dict[str, str]) -> None:
    found = match_question(text)
    assert found is not None
    assert ("count" if found.family in COUNTS else found.family) == family
    assert found.slots == slots


def test_no_match() -> None:
    assert match_question("Why is the sky blue, and since when?") is None
    assert match_question("") is None


def test_media_choose_between_families() -> None:
    """`Which picture ...` needs two pictures."""
    assert match_question("Which picture is wider?", images=2) is not None
    assert match_question("Which picture is wider?", images=1) is None


def test_a_matched_question_runs() -> None:
    found = match_question("How many red circles are there?", images=1)
    assert found is not None
    first = advance(lambda: program_for(found, ["image"]), [])
    assert first == [Call("detect", {"image": "image_1", "what": "red circle"})]


LOOKED = ("comes_to", "how_many_here", "what_it_says")
"""Worded so that the words alone do not say which family they are of."""


def test_every_question_in_a_hand_written_template_is_matched() -> None:
    templates = {
        name: WORDINGS[name].every for name, family in FAMILIES.items() if family.weight > 0 and name not in LOOKED
    }
    for question in sample_questions("test", 300, 5, wordings=templates):
        kinds = [medium.kind for medium in question.media]
        found = match_question(question.text, kinds.count("image"), kinds.count("audio"))
        assert found is not None, question.text
        assert found.slots == {slot: word for slot, word in question.slots.items() if slot != SEEN}, question.text
        asked = question.family.removeprefix("turned_")
        assert found.family == asked or {found.family, asked} <= COUNTS


def test_a_stranger_s_wordings() -> None:
    asked = list(sample_questions("test", 8, 0, wordings={"count_shape": ["Number of {a}, please"], "width": ["W?"]}))
    assert {question.family for question in asked} == {"count_shape", "width"}
    assert all(question.text.endswith("please") or question.text == "W?" for question in asked)
    assert not any(question.seen for question in asked)


def test_unknown_places() -> None:
    kinds = FAMILIES["cell"].slots
    assert unknown_places("{a} and {B}", kinds) == ""
    assert unknown_places("{a}", kinds) == "{b} is missing"
    assert unknown_places("{a} {b} {c}", kinds) == "{c} is unknown"


def test_slots_stand_in_the_order_in_which_a_wording_names_them() -> None:
    slots = {"a": "Tea", "b": "Soap", SEEN: "receipt"}
    assert list(in_order("What more is {B} than {a}, {b}?", slots)) == ["b", "a", SEEN]
    assert in_order("Which?", slots) == slots
    for question in sample_questions("test", 60, 3, families=["price_difference"]):
        text = f"{question.text} "
        assert list(question.slots.values()) == sorted(question.slots.values(), key=lambda name: text.find(name))
        found = match_question(question.text)
        assert found is None or found.family != question.family or list(found.slots) == list(question.slots)


def test_unknown_families_are_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        next(sample_questions("test", 1, families=["nonsense"]))
    with pytest.raises(ValueError, match="unknown split"):
        next(sample_questions("exam", 1))
