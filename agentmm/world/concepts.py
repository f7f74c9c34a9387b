"""Concepts, what points at them in any class of words, and how differently people ask for them.

`lexicon.py` holds words of one form that may take each other's place; this list crosses forms: who asks how tall
something is wants its height. Its author saw no list of questions. Words of `free` sentences are left out, and so are
whole sentences that happen to be one of a test's.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from agentmm.world.wordings.skeletons import free_words, skeletons, words_of
from agentmm.world.wordings.untrained import WORDINGS as UNTRAINED

LIST = Path(__file__).parent / "lexicon_lists" / "concepts.yaml"

ASKED_ABOUT = (
    "number", "kind", "colour", "size", "largest thing", "smallest thing", "most frequent kind", "least frequent kind",
    "most frequent colour", "position", "left of", "right of", "above", "below", "leftmost thing", "rightmost thing",
    "topmost thing", "bottommost thing", "presence", "absence", "more than", "fewer than", "exactly so many", "as many",
    "all of one kind", "all of one colour", "difference of numbers", "sum of numbers", "how many kinds",
    "how many colours", "arrangement", "in a row", "crowded", "empty", "upside down", "rotation", "at the edge", "date",
    "time of day", "store", "price", "total", "change", "how many lines", "dearest item", "price difference",
    "price of several", "enough money", "cell", "row", "column", "value", "highest bar", "chart title", "title", "text",
    "first line", "line", "width", "height", "upright or wide", "code content", "presence of a code", "code kind",
    "meeting day", "meeting hour", "train time", "whom to call", "price said", "what is mentioned", "sum", "difference",
    "product", "comparison", "larger number",
)  # fmt: skip
"""Names of those that the practice world's families ask about."""

ASKED_SHARE = 0.6
"""How often `drawn_concept` gives one of these."""


@dataclass(frozen=True)
class Concept:
    """Something that people ask for.

    Attributes:
        name: its plainest name.
        called: other words and phrases, of any form, that point at it.
        asks: short questions and requests for it.
        unlike: names of concepts that it is easily confused with.
    """

    name: str
    called: tuple[str, ...]
    asks: tuple[str, ...]
    unlike: tuple[str, ...]


@lru_cache(maxsize=1)
def concepts() -> tuple[Concept, ...]:
    """All concepts, without the words of `free` sentences; one whose name is such a word is left out.

    What tests ask word for word is left out, and words that point at several concepts.
    """
    free, loader = free_words(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load(LIST.read_bytes(), loader)
    asked = {plainly(text) for kept in skeletons().values() for text in (*kept.unseen, *kept.free)}
    asked |= {plainly(text) for wordings in UNTRAINED.values() for text in wordings.every}
    times = Counter(str(text) for entry in entries for text in entry["called"])
    found = []
    for entry in entries:
        called, asks, unlike = (
            tuple(
                text
                for text in dict.fromkeys(map(str, entry[part]))
                if not words_of(text) & free and plainly(text) not in asked and times[text] < 2
            )
            for part in ("called", "asks", "not")
        )
        name = str(entry["name"])
        if called and asks and not words_of(name) & free:
            found.append(Concept(name, called, asks, unlike))
    return tuple(found)


def drawn_concept(rng: np.random.Generator) -> Concept:
    """Any concept, more often one that the practice world asks about."""
    every = concepts()
    among = _asked_about() if rng.random() < ASKED_SHARE else every
    return among[int(rng.integers(len(among)))]


@lru_cache(maxsize=1)
def _asked_about() -> tuple[Concept, ...]:
    return tuple(concept for concept in concepts() if concept.name in ASKED_ABOUT)


def plainly(text: str) -> tuple[str, ...]:
    """The words of a sentence in order, lower case, without marks."""
    return tuple(re.findall(r"[a-z0-9']+", text.lower()))
