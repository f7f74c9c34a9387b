"""Concepts, what points at them in any class of words, and how differently people ask for them.

`lexicon.py` holds words of one form that may take each other's place; this list crosses forms: who asks how tall
something is wants its height. Its author saw no list of questions. Words of `free` sentences are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from agentmm.world.wordings.skeletons import free_words, words_of

LIST = Path(__file__).parent / "lexicon_lists" / "concepts.yaml"


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
    """All concepts, without the words of `free` sentences; one whose name is such a word is left out."""
    free, loader = free_words(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for entry in yaml.load(LIST.read_bytes(), loader):
        called, asks, unlike = (
            tuple(dict.fromkeys(str(text) for text in entry[part] if not words_of(str(text)) & free))
            for part in ("called", "asks", "not")
        )
        name = str(entry["name"])
        if called and asks and not words_of(name) & free:
            found.append(Concept(name, called, asks, unlike))
    return tuple(found)
