"""What is right and what is wrong, by hand."""

from __future__ import annotations

import pytest

from agentmm.eval.score import is_right, normalise

RIGHT = [
    ("3", ["3"], "number", ()),
    ("There are three red circles.", ["3"], "number", ()),
    ("3 [region_1] [region_2]", ["3"], "number", ()),
    ("12.50", ["12.5"], "price", ()),
    ("The total is $1,234.50.", ["1234.5"], "price", ()),
    ("It is 256px wide.", ["256"], "number", ()),
    ("Yes, there is.", ["yes"], "yes_no", ()),
    ("The circle is RED [region_4].", ["red"], "colour", ()),
    ("two hearts", ["heart", "hearts"], "shape", ()),
    ("The second picture.", ["picture 2"], "picture", ()),
    ("image 2", ["picture 2"], "picture", ()),
    ("It is dated 2024-03-07.", ["2024-03-07"], "date", ()),
    ("7 Mar 2024", ["7-Mar-2024"], "date", ()),
    ("NO PARKING", ["No Parking"], "text", ("Room 12",)),
    ("ＡＣＭＥ  store", ["ACME STORE"], "text", ()),
    ("unanswerable: no red circle found", ["unanswerable"], "number", ()),
    ("a b c d e f g h ACME", ["acme"], "text", ()),
]
WRONG = [
    ("4", ["3"], "number", ()),
    ("3 or 4", ["3"], "number", ()),
    ("13", ["3"], "number", ()),
    ("3.5", ["3"], "number", ()),
    ("", ["3"], "number", ()),
    ("yes and no", ["yes"], "yes_no", ()),
    ("not known", ["no"], "yes_no", ()),
    ("red or blue", ["red"], "colour", ()),
    ("redder", ["red"], "colour", ()),
    ("circle or square", ["circle"], "shape", ()),
    ("picture 1 or picture 2", ["picture 2"], "picture", ()),
    ("2024-03-07 or 2024-03-08", ["2024-03-07"], "date", ()),
    ("ACME, Room 12", ["ACME"], "text", ("Room 12",)),
    ("a b c d e f g h i ACME", ["acme"], "text", ()),
    ("unanswerable: no red circle found", ["red"], "colour", ()),
    ("unanswerable: detect failed", ["0"], "number", ()),
    ("0", ["unanswerable"], "number", ()),
    ('{"count": 3, "found": ["region_1 red circle large 120,88"]}', ["3"], "number", ()),
]


@pytest.mark.parametrize(("answer", "accepted", "kind", "others"), RIGHT)
def test_right(answer: str, accepted: list[str], kind: str, others: tuple[str, ...]) -> None:
    assert is_right(answer, accepted, kind, others)


@pytest.mark.parametrize(("answer", "accepted", "kind", "others"), WRONG)
def test_wrong(answer: str, accepted: list[str], kind: str, others: tuple[str, ...]) -> None:
    assert not is_right(answer, accepted, kind, others)


def test_normalise() -> None:
    assert normalise(" The total:  $12.50 [region_2]. ") == "the total: $12.5"
    assert normalise("KX-4827") == "kx-4827"
    assert normalise("2024-03-07") == "2024-03-07"


def test_the_accepted_form_may_hold_another_candidate() -> None:
    """`CITY HALL` names the other candidate `CITY` only where it is said beside it."""
    assert is_right("the CITY HALL", ["CITY HALL"], "text", ("CITY",))
    assert not is_right("the CITY HALL CITY", ["CITY HALL"], "text", ("CITY",))
