"""Guesses: what stood in the context, what the grammar forces, never past the end; the model alone decides."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agentmm.planner.guess import Guesses, copied
from agentmm.planner.writing import Sampling, Writing

END = 9


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ("abcabd-ab", "d-"),  # its last two stood before d-
        ("xab-ab", "-a"),
        ("wxyz12345wxyz", "1234"),  # four are looked for at most, so four are copied at most
        ("1a2a", "2"),  # `2a` stood nowhere else
        ("aaa", "a"),  # what is written just now counts too
        ("abcd", ""),
        ("", ""),
    ],
)
def test_what_followed_the_last_place_that_is_alike_is_copied(text, follows):
    assert copied(text) == follows


class Forcing:
    """A grammar that forces the same tokens everywhere and lets through all but one."""

    def __init__(self, tokens, illegal):
        self.tokens, self.illegal = tokens, illegal

    def ahead(self):
        return self.tokens

    def fitting(self, tokens):
        return tokens.index(self.illegal) if self.illegal in tokens else len(tokens)


@pytest.mark.parametrize(
    ("forced", "illegal", "most", "guessed"),
    [
        (None, None, 8, [5, 6]),  # 3 4 stood before 5 6
        (None, None, 1, [5]),
        (None, None, 0, []),
        ([3, 4, 5], None, 8, [3, 4, 5, 6, END][:4]),  # after what is forced, 3 4 5 stood before 6 and the end
        ([7], None, 8, [7]),  # nothing to copy after it
        ([3, 4, 5], 5, 8, [3, 4]),
        ([END], None, 8, []),
    ],
)
def test_guesses_are_forced_then_copied_and_legal(forced, illegal, most, guessed):
    constraint = None if forced is None else Forcing(forced, illegal)
    assert Guesses([1, 3, 4, 5, 6, END, 2], (END,)).after([3, 4], constraint, most) == guessed


def rows(*likeliest):
    """Logits of a row each: 1 for one token, 0 for nine others."""
    return np.eye(10, dtype=np.float32)[list(likeliest)]


def test_a_row_counts_as_long_as_what_was_fed_before_it_came_true():
    writing = Writing(None, Sampling(max_tokens=9), (END,))
    assert not writing.take(rows(3))
    assert not writing.take(rows(4, 5, 6, 7), [4, 8, 6])  # 8 was fed where 5 belongs
    assert (writing.result.ids, writing.guessed, writing.room) == ([3, 4, 5], 1, 5)
    assert writing.take(rows(1, END, 2), [1, 2])
    assert (writing.result.ids, writing.guessed, writing.result.ended) == ([3, 4, 5, 1, END], 2, True)
    assert writing.result.logp == pytest.approx([1 - math.log(math.e + 9)] * 5)


def test_the_limit_ends_a_completion_among_guesses():
    writing = Writing(None, Sampling(max_tokens=2), (END,))
    assert writing.take(rows(4, 5, 6), [4, 5])
    assert (writing.result.ids, writing.result.ended) == ([4, 5], False)
