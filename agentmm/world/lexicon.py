"""What words mean: senses by several authors, with their words, statements that show them, and words unlike them.

They wrote without sight of any list of questions. Training learns the words from here (`agentmm/train/meanings.py`),
and asks its questions in words of one sense in turn, never in those that a family keeps for tests. Words by which a
sentence of the row `free` is free are left out, so that they stay words of no training.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from agentmm.world.wordings.skeletons import free_words, unseen_words, words_of

LISTS = Path(__file__).parent / "lexicon_lists"
AUTHORS = ("looks", "papers", "talk")
"""The lists, each by another author."""

GRAMMAR = frozenset((
    "a", "an", "the", "and", "or", "not", "no", "nor", "how", "what", "which", "who", "whom", "whose",
    "when", "where", "why", "that", "this", "these", "those", "than", "as", "if", "of", "in", "on", "at",
    "by", "to", "from", "for", "with", "without", "is", "are", "be", "was", "do", "does", "did", "can",
    "could", "will", "would", "any", "some", "all", "each", "every", "both",
))  # fmt: skip
"""Words that build sentences: others of their meaning would break those."""


@dataclass(frozen=True)
class Sense:
    """One meaning.

    Attributes:
        gloss: the meaning in plain words.
        words: those that have it, in one grammatical form, the plainest first.
        says: statements with the place `{w}` for any of them.
        unlike: words of that form that mean something else.
    """

    gloss: str
    words: tuple[str, ...]
    says: tuple[str, ...]
    unlike: tuple[str, ...]


@lru_cache(maxsize=1)
def lexicon() -> tuple[Sense, ...]:
    """All senses, without the words of `free` sentences; those left with one word, or no statement, are left out."""
    free = free_words()
    senses = []
    for author in AUTHORS:
        for entry in _read(author):
            words, says, unlike = (
                tuple(dict.fromkeys(str(text) for text in entry[part] if not words_of(_open(text)) & free))
                for part in ("words", "says", "unlike")
            )
            gloss = str(entry["sense"])
            if len(words) > 1 and says and not words_of(gloss) & free:
                senses.append(Sense(gloss, words, says, unlike))
    return tuple(senses)


@lru_cache(maxsize=256)
def like_words(family: str) -> dict[str, tuple[str, ...]]:
    """Word -> others that may stand in its place in a training question of a family.

    A word with several senses has those that are in all of them; none has a word that the family keeps for its tests.
    """
    kept_out = unseen_words().get(family, frozenset())
    allowed = {
        word: tuple(other for other in others if not words_of(other) & kept_out) for word, others in _alike().items()
    }
    return {word: others for word, others in allowed.items() if others}


@lru_cache(maxsize=1)
def _alike() -> dict[str, tuple[str, ...]]:
    """Word -> those that have all of its senses, for single words that build no sentences."""
    senses_of: dict[str, list[Sense]] = defaultdict(list)
    for sense in lexicon():
        for word in sense.words:
            senses_of[word].append(sense)
    found = {
        word: tuple(other for other in senses[0].words if other != word and all(other in one.words for one in senses))
        for word, senses in senses_of.items()
        if word.isalpha() and word not in GRAMMAR
    }
    return {word: others for word, others in found.items() if others}


def _open(text: str) -> str:
    """A statement without its place."""
    return text.replace("{w}", " ")


def _read(author: str) -> list[dict[str, list[str] | str]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((LISTS / f"{author}.yaml").read_bytes(), loader)
