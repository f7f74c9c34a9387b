"""Whole episodes about what words mean: a concept is asked for, a tool that does not exist tells it, among others.

`meanings.py` teaches words in bare rows; a planner that knows them there need not know them behind a picture, a list of
signatures and a call. Here they stand in the wire's full dress: either one tool tells several things of a medium and
the asked one is picked from its result, or every thing has a tool of its own and the right one is called.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from agentmm.train.drills import number
from agentmm.train.offers import RENAMED, Offered
from agentmm.world.concepts import Concept, drawn_concept
from agentmm.world.invented import ANSWERS, invent, made_up
from agentmm.world.wordings.manner import with_manner

_TOGETHER = ("facts", "details", "inspect", "look_over", "report", "survey", "examine", "profile", "study", "card_of")
_ALONE = ("{}", "{}_of", "get_{}", "find_{}", "tell_{}", "{}_finder")
_SAYS_TOGETHER = ("tells {}", "{}", "gives {}", "knows {}", "what it tells: {}", "reports {}")
_SAYS_ALONE = ("tells the {}", "the {}", "gives the {}", "looks up the {}", "finds the {}")
_WANTED = ("{}", "the {}", "{}?", "What about {}?", "I need this: {}", "Look for {}", "{}, please", "tell me: {}")
_MEDIA = (("image", "Image"), ("image", "Image"), ("image", "Image"), ("audio", "Audio"))
_MOST_OTHERS = 4

_DATED = ("date", "due date", "expiry date", "birthday")
_TIMED = ("time of day", "meeting hour", "train time", "start", "end")
_TITLED = ("store", "sender", "seller", "maker", "brand")
_TITLES = ("Works", "House", "and Sons", "Hall", "Group", "Partners")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Rng = np.random.Generator


def concept_episode(signatures: Sequence[str], rng: Rng) -> Offered:
    """An episode in which a concept is asked for, and the tools that it offers, in random order.

    Args:
        signatures: of the default tools, of which some are offered too.
        rng: the only source of chance.
    """
    concept = drawn_concept(rng)
    others = [name for name in dict.fromkeys((*concept.unlike, drawn_concept(rng).name)) if name != concept.name]
    among = [str(name) for name in rng.permutation(others)[: int(rng.integers(1, _MOST_OTHERS + 1))]]
    told, messages = _together(concept, among, rng) if rng.random() < 0.6 else _alone(concept, among, rng)
    told += [signature for signature in signatures if rng.random() < 0.4]
    told += [invent(rng).signature for _ in range(int(rng.integers(0, 2)))]
    once = list({signature.partition("(")[0]: signature for signature in reversed(told)}.values())
    return messages, [once[int(i)] for i in rng.permutation(len(once))]


def _together(concept: Concept, others: Sequence[str], rng: Rng) -> tuple[list[str], list[dict[str, Any]]]:
    """One tool that tells several things; the asked one is picked."""
    kind, type_ = _one(_MEDIA, rng)
    name = made_up(rng) if rng.random() < 0.4 else _one(_TOGETHER, rng)
    keys = [str(key) for key in rng.permutation([concept.name, *others])]
    says = f" {_one(_SAYS_TOGETHER, rng).format(', '.join(keys))}" if rng.random() < 0.6 else ""
    held = {key: _value(key, rng) for key in keys}
    shown = {"kind": kind, **held} if rng.random() < 0.5 else held
    answer = str(held[concept.name])
    messages = [
        _question(concept, kind, rng),
        {"role": "assistant", "content": "", "tool_calls": [{"name": name, "args": {kind: f"{kind}_1"}}]},
        {"role": "tool", "content": json.dumps(shown, ensure_ascii=False)},
        {"role": "assistant", "content": f"<think>{concept.name} {answer}</think>{answer}"},
    ]
    return [f"{name}({kind}:{type_}){says}"], messages


def _alone(concept: Concept, others: Sequence[str], rng: Rng) -> tuple[list[str], list[dict[str, Any]]]:
    """A tool for each thing; the right one is called after its name is noted."""
    kind, type_ = _one(_MEDIA, rng)
    style, described = _one(_ALONE, rng), rng.random() < 0.5
    says = _one(_SAYS_ALONE, rng)
    names, told = {}, []
    for thing in (concept.name, *others):
        plain = style.format("_".join(thing.lower().split()))
        hidden = described and rng.random() < 0.5
        name = made_up(rng) if hidden or plain in RENAMED else plain
        names[thing] = name
        told.append(f"{name}({kind}:{type_})" + (f" {says.format(thing)}" if described or name != plain else ""))
    value = _value(concept.name, rng)
    messages = [
        _question(concept, kind, rng),
        {
            "role": "assistant",
            "content": concept.name,
            "tool_calls": [{"name": names[concept.name], "args": {kind: f"{kind}_1"}}],
        },
        {"role": "tool", "content": json.dumps({_one(("value", "answer", "text", concept.name), rng): value})},
        {"role": "assistant", "content": str(value)},
    ]
    return told, messages


def _question(concept: Concept, kind: str, rng: Rng) -> dict[str, Any]:
    """A question for a concept, as somebody might type it, after the medium."""
    word = _one(_WANTED, rng).format(_one(concept.called, rng))
    text = _one(concept.asks, rng) if rng.random() < 0.8 else word
    text = with_manner(text[:1].upper() + text[1:], rng)
    return {"role": "user", "content": [{"type": kind, "file_id": f"{kind}_1"}, {"type": "text", "text": text}]}


def _value(name: str, rng: Rng) -> int | float | str:
    """What a concept of this name may be: a date, an hour, a name; else a number, most of the time, or a word."""
    if name in _DATED:
        year, month, day = int(rng.integers(1990, 2035)), int(rng.integers(12)), int(rng.integers(1, 29))
        written = (
            f"{year}-{month + 1:02d}-{day:02d}",
            f"{day}-{_MONTHS[month]}-{year}",
            f"{day} {_MONTHS[month]} {year}",
        )
        return _one(written, rng)
    if name in _TIMED:
        return f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}"
    if name in _TITLED:
        return f"{made_up(rng).capitalize()} {_one(_TITLES, rng)}"
    if rng.random() < 0.25:
        return _one(ANSWERS, rng)
    said = number(rng)
    return said if "." in said else int(said)


def _one(among: Sequence[Any], rng: Rng) -> Any:
    return among[int(rng.integers(len(among)))]
