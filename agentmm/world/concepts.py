"""Concepts, what points at them in any class of words, and how differently people ask for them.

`lexicon.py` holds words of one form that may take each other's place; these lists cross forms: who asks how tall
something is wants its height. Their authors saw no list of questions. Words of `free` sentences are left out, and so
are whole sentences that happen to be one of a test's, or that say the same but for small words.
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

LISTS = tuple(sorted((Path(__file__).parent / "lexicon_lists").glob("concepts*.yaml")))
"""One file an author; what several say of one concept is joined."""

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

CONFUSED = (
    "height", "width", "upright or wide", "date", "store", "least frequent kind", "most frequent kind",
    "all of one kind", "highest bar", "larger number", "sum", "difference", "price difference", "total",
)  # fmt: skip
"""Names of those that planners took for each other in words of no training; told in most words."""

CONFUSED_SHARE, ASKED_SHARE = 0.4, 0.3
"""How often `drawn_concept` gives one of `CONFUSED`, and one of `ASKED_ABOUT`; else it gives any."""

SMALL = words_of(
    "a an the this that these those it its is are was were be do does did can could would will please me i i'd i'm you "
    "your we us my to of in on at for from with here there and or so just tell give show say what what's which who how "
    "any some picture image page photo receipt chart"
)
"""Words without which two sentences say the same."""


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
    free = free_words()
    asked = {plainly(text) for kept in skeletons().values() for text in (*kept.unseen, *kept.free)}
    asked |= {plainly(text) for wordings in UNTRAINED.values() for text in wordings.every}
    bare = {gist(text) for kept in skeletons().values() for text in kept.unseen}
    entries = _entries()
    times = Counter(text for parts in entries.values() for text in dict.fromkeys(parts["called"]))
    found = []
    for name, parts in entries.items():
        called, asks, unlike = (
            tuple(
                text
                for text in dict.fromkeys(parts[part])
                if not words_of(text) & free
                and plainly(text) not in asked
                and (part != "asks" or gist(text) not in bare)
                and times[text] < 2
            )
            for part in ("called", "asks", "not")
        )
        if called and asks and not words_of(name) & free:
            found.append(Concept(name, called, asks, tuple(other for other in unlike if other != name)))
    return tuple(found)


def _entries() -> dict[str, dict[str, list[str]]]:
    """Name of a concept -> `called`, `asks` and `not` of all authors; a word is the concept's of whom was first."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    joined: dict[str, dict[str, list[str]]] = {}
    taken: dict[str, str] = {}
    for path in LISTS:
        entries = yaml.load(path.read_bytes(), loader)
        for entry in entries:
            name = str(entry["name"])
            parts = joined.setdefault(name, {"called": [], "asks": [], "not": []})
            parts["called"] += [text for text in map(str, entry["called"]) if taken.get(text, name) == name]
            parts["asks"] += map(str, entry["asks"])
            parts["not"] += map(str, entry["not"])
        for entry in entries:
            taken |= {str(text): str(entry["name"]) for text in entry["called"] if str(text) not in taken}
    return joined


def drawn_concept(rng: np.random.Generator) -> Concept:
    """Any concept, more often one that the practice world asks about, and most often one that is easily mistaken."""
    chance = rng.random()
    if chance < CONFUSED_SHARE:
        among = _named(CONFUSED)
    else:
        among = _named(ASKED_ABOUT) if chance < CONFUSED_SHARE + ASKED_SHARE else concepts()
    return among[int(rng.integers(len(among)))]


@lru_cache(maxsize=4)
def _named(names: tuple[str, ...]) -> tuple[Concept, ...]:
    return tuple(concept for concept in concepts() if concept.name in names)


def plainly(text: str) -> tuple[str, ...]:
    """The words of a sentence in order, lower case, without marks."""
    return tuple(re.findall(r"[a-z0-9']+", text.lower()))


def gist(text: str) -> frozenset[str]:
    """The words of a sentence without the small ones (`SMALL`), in no order."""
    return words_of(text) - SMALL
