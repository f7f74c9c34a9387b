"""Rows that teach what words mean: the lexicon's senses and concepts, asked about in the wire's own turns.

A word's gloss and plainest word, statements said plainly, and values looked up by another word, or a whole question,
than the name that they stand beside: who has learnt that understands a question in a word that no training question
held. A word is learnt by heart where it comes often: most rows are about words that some family is asked in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

from agentmm.planner.render import Renderer
from agentmm.train.drills import number, turns_row
from agentmm.train.rowset import Row
from agentmm.world.concepts import Concept, concepts
from agentmm.world.lexicon import Sense, lexicon
from agentmm.world.wordings.skeletons import trained_words, words_of

_T = TypeVar("_T")

_MEANING = ('What does "{}" mean?', "What is meant by {}?", "{}: meaning?", "Explain {}.", "The meaning of {}")
_PLAIN = (
    "{} in a plain word",
    'A plainer word for "{}"?',
    "Another word for {}",
    "{}, plainly",
    "Instead of {} one says",
)
_NAMED = ("A word for: {}", "What is the word for {}?", "{}: which word?", "{}, in a word")
_SAID = ("Say it plainly: {}", "In plain words: {}", "{} Plainly?", "Put simply: {}")
_WANTED = ("{}", "the {}", "{}?", "What about {}?", "Which one: {}", "I need this: {}", "Look for {}", "{}, please")
_SAME = ('Is "{}" the same as "{}"?', "{} and {}: the same?", "Do {} and {} mean the same?")
_ABOUT = ("{} It is about:", "In a word: {}", "{} That is to ask for what?", "What does this ask for: {}")
_MOST_KEYS = 5
ASKED_SHARE, COMMON_SHARE = 0.4, 0.85
"""Share of the rows that are about concepts; of the others, share about words that some family is asked in."""


def meaning_rows(renderer: Renderer, n: int, seed: int) -> Iterator[Row]:
    """Rows about words, the same for the same arguments; loss on the answers.

    Args:
        renderer: gives the ids.
        n: how many.
        seed: another seed gives other rows.
    """
    rng = np.random.default_rng([29, seed])
    common, every = _common(), lexicon()
    for _ in range(n):
        if rng.random() < ASKED_SHARE:
            ask_for = _one(_ASKED, rng)
            yield ask_for(renderer, _one(concepts(), rng), rng)
            continue
        sense = _one(common if rng.random() < COMMON_SHARE else every, rng)
        yield _one(_ROWS, rng)(renderer, sense, rng)


@lru_cache(maxsize=1)
def _common() -> tuple[Sense, ...]:
    """The senses with several words that families are asked in, and no others; of each the plainest stays."""
    trained = frozenset(trained_words())
    kept = []
    for sense in lexicon():
        known = tuple(word for word in sense.words[1:] if words_of(word) <= trained)
        if known:
            kept.append(Sense(sense.gloss, (sense.words[0], *known), sense.says, sense.unlike))
    return tuple(kept)


def _means(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """A word, and its gloss."""
    return _told(renderer, rng, _one(_MEANING, rng).format(_one(sense.words, rng)), sense.gloss)


def _plainest(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """A word, and the plainest of its meaning."""
    return _told(renderer, rng, _one(_PLAIN, rng).format(_one(sense.words[1:], rng)), sense.words[0])


def _named(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """A gloss, and the plainest word for it."""
    return _told(renderer, rng, _one(_NAMED, rng).format(sense.gloss), sense.words[0])


def _restated(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """A statement, and the same with the plainest word."""
    said = _one(sense.says, rng)
    shown = _one(_SAID, rng).format(said.replace("{w}", _one(sense.words[1:], rng)))
    return _told(renderer, rng, shown, said.replace("{w}", sense.words[0]))


def _same(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """Two words, and whether they mean the same."""
    alike = rng.random() < 0.5 or not sense.unlike
    first, second = (str(word) for word in rng.permutation(sense.words)[:2])
    return _told(
        renderer,
        rng,
        _one(_SAME, rng).format(first, second if alike else _one(sense.unlike, rng)),
        "yes" if alike else "no",
    )


def _looked_up(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """Values beside words, one of them asked for by another word of its meaning, by its gloss or in a statement."""
    others = {*sense.unlike, *(_one(other.words, rng) for other in _several(lexicon(), 2, rng))} - {*sense.words}
    key = _one(sense.words, rng)
    keys = [key, *(str(word) for word in rng.permutation(sorted(others))[: int(rng.integers(1, _MOST_KEYS))])]
    shown = {keys[int(i)]: number(rng) for i in rng.permutation(len(keys))}
    kind = rng.random()
    asked = sense.gloss if kind < 0.2 else _one([word for word in sense.words if word != key], rng)
    if kind > 0.75:
        asked = _one(sense.says, rng).replace("{w}", asked)
    return _told(
        renderer,
        rng,
        _one(_WANTED, rng).format(asked),
        shown[key],
        seen=json.dumps(shown),
        thought=f"{key} {shown[key]}",
    )


def _which(renderer: Renderer, sense: Sense, rng: np.random.Generator) -> Row:
    """A word, some others, and the one of them that means the same."""
    asked, wanted = (str(word) for word in rng.permutation(sense.words)[:2])
    among = {wanted, *sense.unlike[:3], _one(_several(lexicon(), 1, rng)[0].words, rng)}
    shown = ", ".join(str(word) for word in rng.permutation(sorted(among)))
    return _told(renderer, rng, f"{asked}: {shown}", wanted)


def _concept_looked_up(renderer: Renderer, concept: Concept, rng: np.random.Generator) -> Row:
    """Values beside names of concepts, one of them asked for in a question, or by a word of another form."""
    others = {*concept.unlike, *(_one(concepts(), rng).name for _ in range(2))} - {concept.name}
    keys = [concept.name, *(str(word) for word in rng.permutation(sorted(others))[: int(rng.integers(1, _MOST_KEYS))])]
    shown = {keys[int(i)]: number(rng) for i in rng.permutation(len(keys))}
    word = rng.random() < 0.25
    asked = _one(_WANTED, rng).format(_one(concept.called, rng)) if word else _one(concept.asks, rng)
    told = f"{concept.name} {shown[concept.name]}"
    return _told(renderer, rng, asked, shown[concept.name], seen=json.dumps(shown), thought=told)


def _wanted(renderer: Renderer, concept: Concept, rng: np.random.Generator) -> Row:
    """A question or a word, and the concept that it is about."""
    said = _one(concept.asks if rng.random() < 0.6 else concept.called, rng)
    return _told(renderer, rng, _one(_ABOUT, rng).format(said), concept.name)


def _wanted_of(renderer: Renderer, concept: Concept, rng: np.random.Generator) -> Row:
    """A question or a word, some concepts, and the one that it is about."""
    said = _one(concept.asks if rng.random() < 0.6 else concept.called, rng)
    among = {concept.name, *concept.unlike[:3], _one(concepts(), rng).name}
    shown = ", ".join(str(word) for word in rng.permutation(sorted(among)))
    return _told(renderer, rng, f"{said}: {shown}", concept.name)


_ROWS = (_means, _plainest, _plainest, _named, _restated, _same, _which, _which, _looked_up, _looked_up, _looked_up)
_ASKED = (_concept_looked_up, _concept_looked_up, _wanted, _wanted_of)


def _one(among: Sequence[_T], rng: np.random.Generator) -> _T:
    return among[int(rng.integers(len(among)))]


def _several(senses: Sequence[Sense], count: int, rng: np.random.Generator) -> list[Sense]:
    return [senses[int(i)] for i in rng.integers(len(senses), size=count)]


def _told(
    renderer: Renderer, rng: np.random.Generator, asked: str, answer: str, *, seen: str = "", thought: str = ""
) -> Row:
    """What is asked, what a tool says if anything, and the answer after a thought if there is one."""
    asked = asked[:1].upper() + asked[1:] if rng.random() < 0.5 else asked
    turns = [("user", renderer.encode(asked)), *([("tool", renderer.encode(seen))] if seen else [])]
    think = [renderer.token_id("<think>"), *renderer.encode(thought), renderer.token_id("</think>")] if thought else []
    return turns_row(renderer, turns, [*think, *renderer.encode(answer)])
