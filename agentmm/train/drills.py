"""Copying drills: rows that teach a young decoder to copy and to look up, which episodes alone teach slowly.

Runs of random tokens said again and again, copies, look-ups of a key among numbered lines, of a column in a line by its
number or its heading, of two values for one expression, and how many keys a tally has, in the wire's own turns. Keys
are random letters or known words, and half of the time they are asked for in lower case, as people type; a renderer
that respells shows them so.
Nano without them read its tools' results but wrote other digits and names than they held (`docs/log.md`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from agentmm.planner.render import Renderer
from agentmm.train.rowset import Row
from agentmm.world.wordings.skeletons import trained_words

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_ORDER = ("first", "second", "third", "fourth")


def drill_rows(renderer: Renderer, n: int, seed: int) -> Iterator[Row]:
    """Repeats, copies and look-ups, the same for the same arguments; loss on what can be known.

    Args:
        renderer: gives the ids.
        n: how many.
        seed: another seed gives other drills.
    """
    rng = np.random.default_rng([13, seed])
    for _ in range(n):
        make = _DRILLS[int(rng.integers(len(_DRILLS)))]
        yield make(renderer, rng)


def _repeats(renderer: Renderer, rng: np.random.Generator) -> Row:
    """A run of random tokens or of digits, said two to four times."""
    first, last = renderer.token_id("<|unk|>") + 1, renderer.vocabulary
    length, times = int(rng.integers(4, 24)), int(rng.integers(2, 5))
    run = _digits(renderer, rng, length) if rng.random() < 0.3 else rng.integers(first, last, length)
    ids = [renderer.token_id("<|tool|>"), *run.tolist() * times]
    return Row(ids, [0] * (1 + length) + [1] * (length * (times - 1)))


def _digits(renderer: Renderer, rng: np.random.Generator, length: int) -> NDArray[np.int64]:
    """Ids of random digits, [length]."""
    return rng.choice(np.array([renderer.encode(digit)[0] for digit in _DIGITS]), length)


def _copy(renderer: Renderer, rng: np.random.Generator) -> Row:
    """A run of random tokens, many of them digits, and the same again in the assistant's turn."""
    first, last = renderer.token_id("<|unk|>") + 1, renderer.vocabulary
    length = int(rng.integers(6, 40))
    run = rng.integers(first, last, length)
    numbers = rng.random(length) < rng.choice([0.0, 0.5, 1.0])
    run[numbers] = _digits(renderer, rng, int(numbers.sum()))
    return turns_row(renderer, [("tool", run.tolist())], run.tolist())


def _look_up(renderer: Renderer, rng: np.random.Generator) -> Row:
    """A key asked for, lines with keys and values, and the region with its value."""
    pairs = [(key, _value(rng)) for key in _keys(rng, int(rng.integers(2, 9)))]
    at = int(rng.integers(len(pairs)))
    return _asked(renderer, _typed(pairs[at][0], rng), pairs, f"[region_{at + 1}] {pairs[at][1]}")


def _table(renderer: Renderer, rng: np.random.Generator) -> Row:
    """A line that is named by any of its fields, and one of its other fields, by number, after its region."""
    width = int(rng.integers(2, 5))
    lines = [[_field(rng) for _ in range(width)] for _ in range(rng.integers(2, 9))]
    at, (known, wanted) = int(rng.integers(len(lines))), rng.permutation(width)[:2]
    asked = f"{_ORDER[wanted]} of {_typed(lines[at][known], rng)}"
    return _asked(renderer, asked, lines, f"[region_{at + 1}] {lines[at][wanted]}")


def _cell(renderer: Renderer, rng: np.random.Generator) -> Row:
    """A row and a column by their names, in either order; each heading with what the row holds, up to the asked one.

    The thought is that of the family `cell`: begun with the row's region, each word what follows the one before it.
    """
    width = int(rng.integers(1, 5))
    keys = _keys(rng, width + 1 + int(rng.integers(2, 8)))
    heads = keys[: width + 1]
    lines = [[key, *(str(int(rng.integers(1, 1000))) for _ in range(width))] for key in keys[width + 1 :]]
    at, column = int(rng.integers(len(lines))), int(rng.integers(1, width + 1))
    titled = [[_word(rng)] * int(rng.integers(1, 3))] if rng.random() < 0.7 else []
    above = [*titled, heads]
    asked = rng.permutation([_typed(lines[at][0], rng), _typed(heads[column], rng)])
    region = f"[region_{len(above) + at + 1}]"
    noted = ", ".join(f"{head} {held}" for head, held in zip(heads[: column + 1], lines[at], strict=False))
    return _asked(
        renderer, " ".join(asked), [*above, *lines], f"{region} {lines[at][column]}", thought=f"{region} {noted}"
    )


def _tally(renderer: Renderer, rng: np.random.Generator) -> Row:
    """Two tallies of a few words each; how many words the one has that is asked for."""
    names = [_word(rng) for _ in range(2)]
    tallies = [{_word(rng): int(rng.integers(1, 6)) for _ in range(int(rng.integers(1, 7)))} for _ in names]
    asked = int(rng.integers(2))
    shown = json.dumps({"count": sum(tallies[0].values()), **dict(zip(names, tallies, strict=True))})
    turns = [("user", renderer.encode(f"different {names[asked]}")), ("tool", renderer.encode(shown))]
    return turns_row(renderer, turns, renderer.encode(str(len(tallies[asked]))))


def _two(renderer: Renderer, rng: np.random.Generator) -> Row:
    """Two keys with a sign between them, and their numbers with the sign between them."""
    pairs = [(key, number(rng)) for key in _keys(rng, int(rng.integers(2, 9)))]
    first, second = rng.permutation(len(pairs))[:2]
    sign = str(rng.choice(["+", "-", ">", "<", "*"]))
    asked = f"{_typed(pairs[first][0], rng)} {sign} {_typed(pairs[second][0], rng)}"
    return _asked(renderer, asked, pairs, f"{pairs[first][1]} {sign} {pairs[second][1]}")


def _asked(renderer: Renderer, question: str, lines: Sequence[Sequence[str]], answer: str, thought: str = "") -> Row:
    """A question, numbered lines of fields, and the answer, after a thought where there is one."""
    listed = '", "'.join(f"region_{i} {' '.join(fields)}" for i, fields in enumerate(lines, 1))
    texts = f'{{"count": {len(lines)}, "lines": ["{listed}"]}}', thought, answer
    shown, noted, wanted = (renderer.encode(text) for text in renderer.spelt(question, texts))
    think = [renderer.token_id("<think>"), *noted, renderer.token_id("</think>")] if thought else []
    return turns_row(renderer, [("user", renderer.encode(question)), ("tool", shown)], [*think, *wanted])


def _word(rng: np.random.Generator) -> str:
    """A random word, sometimes in capitals."""
    word = "".join(rng.choice(list(_LETTERS), int(rng.integers(3, 9))))
    return word.upper() if rng.random() < 0.4 else word.capitalize()


def _keys(rng: np.random.Generator, count: int) -> list[str]:
    """Different words as they are printed: random ones, and those that training knows."""
    known, keys = trained_words(), dict[str, str]()
    while len(keys) < count:
        word = _word(rng)
        if rng.random() < 0.5:
            word = known[int(rng.integers(len(known)))]
            word = word.upper() if rng.random() < 0.2 else word.capitalize()
        keys.setdefault(word.lower(), word)
    return list(keys.values())


def _typed(key: str, rng: np.random.Generator) -> str:
    """A key as somebody types it."""
    return key.lower() if rng.random() < 0.5 else key


def _field(rng: np.random.Generator) -> str:
    """A word or any value."""
    return _word(rng) if rng.random() < 0.5 else _value(rng)


def _value(rng: np.random.Generator) -> str:
    """A price, a whole number, a code or a word."""
    kind = int(rng.integers(4))
    if kind < 2:
        return number(rng)
    return f"{_word(rng)[:3].upper()}-{int(rng.integers(10, 9999))}" if kind == 2 else _word(rng)


def number(rng: np.random.Generator) -> str:
    """A price or a whole number, of any length."""
    whole = str(int(rng.integers(1, 10 ** int(rng.integers(1, 6)))))
    return f"{whole}.{int(rng.integers(100)):02d}" if rng.random() < 0.5 else whole


_DRILLS = (_repeats, _copy, _look_up, _table, _cell, _cell, _cell, _tally, _two)


def turns_row(renderer: Renderer, turns: list[tuple[str, list[int]]], wanted: list[int]) -> Row:
    """Turns that are read, and the assistant's turn that is learnt."""
    end = renderer.token_id("<|end|>")
    read = [i for role, ids in turns for i in (renderer.token_id(f"<|{role}|>"), *ids, end)]
    read.append(renderer.token_id("<|assistant|>"))
    return Row([*read, *wanted, end], [0] * len(read) + [1] * (len(wanted) + 1))
