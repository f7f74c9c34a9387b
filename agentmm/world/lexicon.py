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

from agentmm.world.wordings.skeletons import free_words, trained_words, unseen_words, wordings_of, words_of

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

AT_HOME = 3
"""A sense is at home in a family whose training sentences hold so many of its words."""

KNOWN_WEIGHT = 3
"""How many times a word of some family's training sentences stands among others that may be put."""


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
    """Word of a family's training sentences -> others that may stand in its place in a training question.

    A word of several senses has those that are in all of them, and those of senses at home in the family: several of
    its own words have them, so they are what the word means there. None has a word that the family keeps for its tests.
    Words that other families are asked in stand `KNOWN_WEIGHT` times.
    """
    kept_out = unseen_words().get(family, frozenset())
    own = frozenset(word for text in wordings_of(family).seen for word in words_of(text))
    trained, senses_of = frozenset(trained_words()), _senses_of()
    allowed: dict[str, tuple[str, ...]] = {}
    for word in sorted(own & senses_of.keys()):
        senses = senses_of[word]
        home = [sense for sense in senses if len(own.intersection(sense.words)) >= AT_HOME]
        others = dict.fromkeys(other for sense in home or senses[:1] for other in sense.words)
        kept = [
            other
            for other in others
            if other != word and other not in GRAMMAR and not _parts(other) & kept_out
            if home or all(other in sense.words for sense in senses)
        ]
        if kept:
            weighted = ([other] * (KNOWN_WEIGHT if _parts(other) <= trained else 1) for other in kept)
            allowed[word] = tuple(other for several in weighted for other in several)
    return allowed


@lru_cache(maxsize=20_000)
def _parts(text: str) -> frozenset[str]:
    return words_of(text)


@lru_cache(maxsize=1)
def _senses_of() -> dict[str, list[Sense]]:
    """Word -> its senses, for single words that build no sentences."""
    senses_of: dict[str, list[Sense]] = defaultdict(list)
    for sense in lexicon():
        for word in sense.words:
            senses_of[word].append(sense)
    return {word: senses for word, senses in senses_of.items() if word.isalpha() and word not in GRAMMAR}


def _open(text: str) -> str:
    """A statement without its place."""
    return text.replace("{w}", " ")


def _read(author: str) -> list[dict[str, list[str] | str]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((LISTS / f"{author}.yaml").read_bytes(), loader)
