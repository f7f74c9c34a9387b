"""Rows that teach what words mean: the lexicon's senses, asked about in the wire's own turns.

A word's gloss and plainest word, statements said plainly, and values looked up by another word than the one that they
stand beside: who has learnt that understands a question in a word that no training question held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from agentmm.planner.render import Renderer
from agentmm.train.drills import number, turns_row
from agentmm.train.rowset import Row
from agentmm.world.lexicon import Sense, lexicon

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
_MOST_KEYS = 5


def meaning_rows(renderer: Renderer, n: int, seed: int) -> Iterator[Row]:
    """Rows about words, the same for the same arguments; loss on the answers.

    Args:
        renderer: gives the ids.
        n: how many.
        seed: another seed gives other rows.
    """
    rng = np.random.default_rng([29, seed])
    senses = lexicon()
    for _ in range(n):
        ask = _ROWS[int(rng.integers(len(_ROWS)))]
        yield ask(renderer, senses[int(rng.integers(len(senses)))], rng)


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


_ROWS = (_means, _plainest, _named, _restated, _same, _which, _looked_up, _looked_up, _looked_up)


def _one(among: Sequence[str], rng: np.random.Generator) -> str:
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
