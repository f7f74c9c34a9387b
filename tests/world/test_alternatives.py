"""Patterns with alternatives."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmm.world.wordings.alternatives import sentences

WORDS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4, unique=True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("How many {a}?", ("How many {a}?",)),
        ("[Could|Can] you count the {a}[, please|]?",
         ("Could you count the {a}, please?", "Could you count the {a}?",
          "Can you count the {a}, please?", "Can you count the {a}?")),
        ("a [b [c|d]|e] f", ("a b c f", "a b d f", "a e f")),
        ("[so|] what is [the|] total [here|] ?",
         ("so what is the total here?", "so what is the total?", "so what is total here?", "so what is total?",
          "what is the total here?", "what is the total?", "what is total here?", "what is total?")),
        ("[x|x]", ("x",)),
    ],
)  # fmt: skip
def test_sentences(pattern: str, expected: tuple[str, ...]) -> None:
    assert sentences(pattern) == expected


@pytest.mark.parametrize("pattern", ["[a|b", "a]", "a|b", "[[a]", "[a|b]]", "[a|b|c]" * 7])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|more than 1000 sentences"):
        sentences(pattern)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_every_choice_is_there_once(choices: list[list[str]]) -> None:
    found = sentences(" ".join(f"[{'|'.join(words)}]" for words in choices))
    assert len(found) == len(set(found)) == prod(map(len, choices))
    assert all(word in words for text in found for word, words in zip(text.split(), choices, strict=True))
