"""Episodes in which a concept says what is to be *done* with what a tool told: add it up, take the rarest, the topmost.

Beside `concept_episodes.py`, where the asked thing stands in the result under its name. The tools do not exist and the
things are made up or everyday ones; what is done, and how it is noted, is what the practice world's programs do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agentmm.train.drills import number
from agentmm.train.imagined import value_of
from agentmm.train.offers import Offered
from agentmm.world.concepts import Concept, concepts
from agentmm.world.invented import ANSWERS, COUNTED, invent, made_up
from agentmm.world.program import cited, concluded
from agentmm.world.wordings.manner import with_manner

JOINED = {
    "sum": "+", "sum of numbers": "+", "difference": "-", "difference of numbers": "-", "price difference": "-",
    "value gap": "-", "product": "*", "larger number": ">", "dearest item": ">", "highest bar": ">",
    "largest value": ">", "smaller number": "<", "cheapest item": "<", "lowest bar": "<",
}  # fmt: skip
"""Concept -> the sign between two amounts; `>` and `<` ask for the thing whose amount is the larger or the smaller."""

TALLIED = ("most frequent kind", "least frequent kind", "most frequent colour", "how many kinds", "how many colours",
    "number")  # fmt: skip
"""Concepts that a tally answers."""

PLACED = {"leftmost thing": (0, "<"), "rightmost thing": (0, ">"), "topmost thing": (1, "<"),
    "bottommost thing": (1, ">")}  # fmt: skip
"""Concept -> axis (0 across, 1 down), and the sign between the first thing's place and the second's that chooses it."""

_OWN_NUMBERS = re.compile(
    r"(?<!the )\b(?:two|three|four|five|six|seven|eight|eights|nine|ten|twelve|twenty|dozen|fifty|hundred)\b", re.I
)
_BESIDE = ("{b}: {q}", "{q} {b}", "{q} It is about {b}.", "{b} - {q}", "About {b}: {q}", "{q} I mean {b}.", "{q} ({b})")
_PAIR = ("{} and {}", "{}, {}", "the {} and the {}", "{} with {}", "{} & {}")
_MANY = ("list_{}", "{}_list", "look_for_{}", "{}_reader", "see_{}", "all_{}")
_COLOURS = ("crimson", "navy", "olive", "ivory", "teal", "amber", "lilac", "beige", "maroon", "silver")
_MOST_LINES, _LARGEST = 6, 300

Rng = np.random.Generator
Call = dict[str, Any]


def worked_episode(signatures: Sequence[str], rng: Rng) -> Offered:
    """An episode whose question is worked out from what a tool told, and the tools that it offers, in random order.

    Args:
        signatures: of the default tools; `calculate` is always among those offered.
        rng: the only source of chance.
    """
    make: Callable[[Rng], tuple[str, str, list[dict[str, Any]]]] = _one((_joined, _joined, _tallied, _placed), rng)
    tool, text, messages = make(rng)
    blocks = [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": with_manner(text, rng)}]
    told = [f"{tool}(image:Image)"]
    told += [s for s in signatures if s.startswith("calculate(") or rng.random() < 0.4]
    told += [other for other in (invent(rng).signature for _ in range(2)) if not other.startswith(f"{tool}(")]
    return [{"role": "user", "content": blocks}, *messages], [told[int(i)] for i in rng.permutation(len(told))]


def _joined(rng: Rng) -> tuple[str, str, list[dict[str, Any]]]:
    """Two of several amounts, joined by a sign in `calculate`."""
    concept = _named(tuple(JOINED), rng)
    sign = JOINED[concept.name]
    things = _things(rng, int(rng.integers(2, _MOST_LINES)))
    whole = rng.random() < 0.5
    amounts = [str(int(rng.integers(1, _LARGEST))) if whole else number(rng) for _ in things]
    first, second = (int(i) for i in rng.permutation(len(things))[:2])
    if sign in "<>" and amounts[first] == amounts[second]:
        amounts[second] += "7"
    handles = [f"region_{k}" for k in range(1, len(things) + 1)]
    lines = [f"{handle} {thing} {amount}" for handle, thing, amount in zip(handles, things, amounts, strict=True)]
    noted = f"{cited(amounts[first], handles[first])} {cited(amounts[second], handles[second])}"
    expression = f"{amounts[first]} {sign} {amounts[second]}"
    value = value_of(expression)
    chosen = first if value else second
    joined = cited(str(value).removeprefix("-"), handles[first], handles[second])
    answer = cited(things[chosen], handles[chosen]) if sign in "<>" else joined
    tool, text = _tool(rng), _about(concept, _one(_PAIR, rng).format(things[first], things[second]), rng)
    seen = {"count": len(lines), _one(("lines", "found", "items"), rng): lines}
    return tool, text, [*_told(tool, seen), *_calculated(noted, expression, value), _answered(answer)]


def _tallied(rng: Rng) -> tuple[str, str, list[dict[str, Any]]]:
    """How often there is what: the most or the least frequent, how many kinds, how many in all."""
    concept = _named(TALLIED, rng)
    labels, colours = _tally(_things(rng, int(rng.integers(2, 6))), rng), _tally(_drawn(_COLOURS, 4, rng), rng)
    tally = colours if "colour" in concept.name else labels
    read = list(tally.items())
    if concept.name.startswith(("most", "least")):
        read = read[:1] if concept.name.startswith("most") else read
        answer = concluded(", ".join(f"{name} {count}" for name, count in read), read[-1][0])
    elif concept.name == "number":
        answer = str(sum(labels.values()))
    else:
        answer = concluded(", ".join(f"{k} {name}" for k, name in enumerate(tally, 1)), str(len(tally)))
    tool = _tool(rng)
    seen = {"count": sum(labels.values()), "labels": labels, "colours": colours}
    return tool, _about(concept, "", rng), [*_told(tool, seen), _answered(answer)]


def _placed(rng: Rng) -> tuple[str, str, list[dict[str, Any]]]:
    """Two things of a sort, and the one that lies furthest to a side."""
    concept = _named(tuple(PLACED), rng)
    axis, sign = PLACED[concept.name]
    (sort,), colours = _things(rng, 1), _drawn(_COLOURS, 2, rng)
    places = [[int(v) for v in rng.integers(5, _LARGEST, 2)] for _ in range(2)]
    places[1][axis] += int(places[0][axis] == places[1][axis])
    found = [
        f"region_{k} {colour} {sort} {place[0]},{place[1]}"
        for k, (colour, place) in enumerate(zip(colours, places, strict=True), 1)
    ]
    noted = " ".join(cited(f"{place[0]},{place[1]}", f"region_{k}") for k, place in enumerate(places, 1))
    expression = f"{places[0][axis]} {sign} {places[1][axis]}"
    value = value_of(expression)
    best = 0 if value else 1
    tool = _tool(rng)
    messages = [*_told(tool, {"count": 2, "found": found}), *_calculated(noted, expression, value)]
    return tool, _about(concept, sort, rng), [*messages, _answered(cited(colours[best], f"region_{best + 1}"))]


def _named(names: Sequence[str], rng: Rng) -> Concept:
    """One of the concepts of these names."""
    return _one([concept for concept in concepts() if concept.name in names], rng)


def _about(concept: Concept, beside: str, rng: Rng) -> str:
    """A question for a concept that names what it is about."""
    asks = [ask for ask in concept.asks if not _OWN_NUMBERS.search(ask)] if beside else concept.asks
    asked = _one(asks, rng) if rng.random() < 0.8 else f"{_one(concept.called, rng).capitalize()}?"
    return _one(_BESIDE, rng).format(b=beside, q=asked) if beside else asked


def _things(rng: Rng, count: int) -> list[str]:
    """Different names of things."""
    things: dict[str, None] = {}
    while len(things) < count:
        things[_one((*COUNTED, *ANSWERS), rng) if rng.random() < 0.6 else made_up(rng).capitalize()] = None
    return list(things)


def _drawn(among: Sequence[str], most: int, rng: Rng) -> list[str]:
    """Two to so many of them."""
    return [among[int(i)] for i in rng.permutation(len(among))[: int(rng.integers(2, most + 1))]]


def _tally(names: Sequence[str], rng: Rng) -> dict[str, int]:
    """Counts that all differ, the largest first."""
    counts = sorted((int(c) for c in rng.choice(np.arange(1, 9), len(names), replace=False)), reverse=True)
    return dict(zip(names, counts, strict=True))


def _tool(rng: Rng) -> str:
    """The name of a tool that does not exist."""
    return made_up(rng) if rng.random() < 0.5 else _one(_MANY, rng).format(_one(("things", "entries", "marks"), rng))


def _told(tool: str, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The first call and what it returned."""
    return [
        {"role": "assistant", "content": "", "tool_calls": [{"name": tool, "args": {"image": "image_1"}}]},
        {"role": "tool", "content": json.dumps(seen)},
    ]


def _calculated(noted: str, expression: str, value: Any) -> list[dict[str, Any]]:
    call = {"name": "calculate", "args": {"expression": expression}}
    return [
        {"role": "assistant", "content": noted, "tool_calls": [call]},
        {"role": "tool", "content": json.dumps({"value": value})},
    ]


def _answered(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def _one(among: Sequence[Any], rng: Rng) -> Any:
    return among[int(rng.integers(len(among)))]
