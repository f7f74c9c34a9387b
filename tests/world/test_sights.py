"""Pictures made for eyes, and the families that ask about them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from agentmm.eval.score import is_right
from agentmm.world import sights
from agentmm.world.families import FAMILIES
from agentmm.world.families.sight import SEEN
from agentmm.world.program import advance
from agentmm.world.sample import program_of, sample_questions

NAMES = [name for name, family in FAMILIES.items() if family.group == "sight"]


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


def test_sight_families_ask_no_tool_and_are_asked_by_name_alone() -> None:
    assert len(NAMES) >= 6
    questions = list(sample_questions("test", 70, 3, families=NAMES))
    assert {question.family for question in questions} == set(NAMES)
    for question in questions:
        answer = advance(question.program, [])
        assert isinstance(answer, str)
        assert is_right(answer, question.accepted, question.kind, question.others)
        assert SEEN not in question.text
    assert not {question.family for question in sample_questions("train", 200, 0)} & set(NAMES)


def test_a_program_without_eyes_says_so() -> None:
    assert str(advance(lambda: program_of("busy", {}, ["image"]), [])).startswith("unanswerable")
