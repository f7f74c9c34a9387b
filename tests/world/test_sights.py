"""Pictures made for eyes, and the families that ask about them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from agentmm.eval.score import is_right
from agentmm.media import Image, rotate
from agentmm.world import sights
from agentmm.world.families import FAMILIES, by_look, sight
from agentmm.world.families.sight import SEEN
from agentmm.world.program import advance, said_aloud
from agentmm.world.sample import Question, program_of, sample_questions
from agentmm.world.scenes import Scene, Shape
from tests.world.truth_tools import answer

NAMES = [family.name for family in sight.FAMILIES]
LOOKED = [family.name for family in by_look.FAMILIES]


def made(maker: str, seed: int) -> sights.Sight:
    return getattr(sights, f"make_{maker}")(np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("maker", "words"),
    [
        ("arranged", set(sights.ARRANGEMENTS)),
        ("edged", {"yes", "no"}),
        ("crowd", {"busy", "empty"}),
        ("halves", {"yes", "no"}),
        ("turned", {"yes", "no"}),
    ],
)
def test_every_word_is_common_and_equal_seeds_give_equal_pictures(maker: str, words: set[str]) -> None:
    found = Counter(made(maker, seed).seen for seed in range(48))
    assert set(found) == words
    assert min(found.values()) >= 0.4 * 48 / len(words)
    first, again = made(maker, 5), made(maker, 5)
    assert first.seen == again.seen
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.dtype == np.uint8


def test_alike_halves_are_alike_in_their_pixels() -> None:
    for seed in range(30):
        sight = made("halves", seed)
        left, right = (half.astype(float).ravel() for half in (sight.pixels[:, :192], sight.pixels[:, -192:]))
        assert (np.corrcoef(left, right)[0, 1] > 0.9) == (sight.seen == "yes")


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Where the picture is as strong as a shape, bool [H, W]: grounds and clutter are pale or thin and grey."""
    values = pixels.astype(int)
    return (values.max(2) - values.min(2) > 55) | (values.max(2) < 60)


def test_a_border_is_touched_where_strong_colour_stands_in_it() -> None:
    for seed in range(40):
        sight = made("edged", seed)
        strong = coloured(sight.pixels)
        border = np.concatenate(
            [strong[:2].ravel(), strong[-2:].ravel(), strong[:, :2].ravel(), strong[:, -2:].ravel()]
        )
        assert (border.sum() >= 12) == (sight.seen == "yes"), seed


def test_busy_pictures_are_full_and_empty_ones_are_not() -> None:
    shares = {"busy": [], "empty": []}
    for seed in range(30):
        sight = made("crowd", seed)
        shares[sight.seen].append(coloured(sight.pixels).mean())
    assert min(shares["busy"]) > 3 * max(shares["empty"])


def test_rows_and_rings_have_their_geometry() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        row = np.array(sights._row(rng))[:, :2]  # the places themselves are the claim
        assert np.linalg.svd(row - row.mean(0))[1][1] < 1e-6
        ring = np.array(sights._ring(rng))[:, :2]
        assert np.ptp(np.linalg.norm(ring - ring.mean(0), axis=1)) < 1e-6


def scene(*boxes: tuple[float, float, float, float]) -> Scene:
    """A scene of 100 by 80 px with shapes in these boxes; nothing is drawn."""
    shapes = tuple(Shape("circle", "red", "small", box, (0.0, 0.0), 1.0, z) for z, box in enumerate(boxes))
    return Scene(np.zeros((80, 100, 3), np.uint8), shapes, "plain", 0.0)


@pytest.mark.parametrize(
    ("boxes", "seen"),
    [
        ([(10, 10, 20, 20), (70, 60, 90, 75)], "no"),
        ([(10, 10, 20, 20), (70, 60, 90, 84)], "yes"),  # two pixels and more are cut off
        ([(-5, 10, 20, 20)], "yes"),
        ([(2, 10, 20, 20)], None),  # a matter of a pixel
        ([], None),
    ],
)
def test_in_a_scene_the_boxes_tell_whether_something_is_at_the_border(boxes, seen) -> None:
    draw = FAMILIES["at_the_border"].draw([scene(*boxes)], np.random.default_rng(0), False)
    assert (draw and draw.accepted) == (seen and (seen,))


def test_the_shapes_of_a_scene_are_scattered_where_there_are_enough() -> None:
    boxes = [(10.0 * k, 10.0, 10.0 * k + 5, 15.0) for k in range(5)]
    draw, rng = FAMILIES["arrangement"].draw, np.random.default_rng(0)
    found = draw([scene(*boxes)], rng, False)
    assert found is not None
    assert found.accepted == ("scattered",)
    assert draw([scene(*boxes[:4])], rng, False) is None


def test_sight_families_ask_no_tool_and_are_among_all_questions() -> None:
    assert len(NAMES) >= 6
    questions = list(sample_questions("test", 70, 3, families=NAMES))
    assert {question.family for question in questions} == set(NAMES)
    for question in questions:
        given = advance(question.program, [])
        assert isinstance(given, str)
        assert is_right(said_aloud(given), question.accepted, question.kind, question.others)
        assert SEEN not in question.text
    assert {question.family for question in sample_questions("train", 400, 0)} >= set(NAMES)


def test_in_a_third_of_the_questions_the_picture_decides_what_comes_first() -> None:
    """Answered by looking, or worded alike over pictures of which some ask for another first call."""
    alike = {name.removeprefix("turned_") for name in LOOKED if name.startswith("turned_")}
    decided = {*NAMES, *LOOKED, *alike}
    families = [question.family for question in sample_questions("test", 1500, 0)]
    assert sum(family in decided for family in families) / len(families) >= 1 / 3


def test_a_program_without_eyes_says_so() -> None:
    assert str(advance(lambda: program_of("busy", {}, ["image"]), [])).startswith("unanswerable")


def carried_out(question: Question) -> tuple[str, list[str]]:
    """The gold answer with tools that know the truth, and the tools it called."""
    given, steps = answer(question)
    return given, [call.tool for calls in steps for call in calls]


def test_the_first_call_depends_on_the_picture_and_the_answer_is_right() -> None:
    first: dict[str, set[str]] = {}
    for question in sample_questions("train", 160, 4, families=LOOKED):
        given, tools = carried_out(question)
        assert is_right(said_aloud(given), question.accepted, question.kind, question.others), question.id
        first.setdefault(question.family, set()).add(tools[0])
    assert set(first) == set(LOOKED)
    assert first["comes_to"] == {"read_text", "detect"}
    assert first["how_many_here"] == {"read_text", "detect", "read_code"}
    assert first["what_it_says"] == {"read_text", "read_code"}
    assert all(first[name] == {"rotate"} for name in LOOKED if name.startswith("turned_"))


def test_the_quarters_set_a_page_right() -> None:
    for seed in range(6):
        page = sights.make_turned_page(np.random.default_rng(seed), "label")
        assert page.degrees in (90, 180, 270)
        assert np.array_equal(rotate(Image(page.pixels), page.degrees).pixels, page.page.pixels)
