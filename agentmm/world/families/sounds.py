"""Families about sounds: facts of a spoken note, and questions that are spoken themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.families.family import UNANSWERABLE, Draw, Family, Kind, Rng, Slots, choose, said, yes_no
from agentmm.world.families.things import find, plural
from agentmm.world.program import Observation, Program, concluded, missing, one
from agentmm.world.speech import Spoken

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS = {word: i for i, word in enumerate(_HOURS, 1)} | {word: 10 * i for i, word in enumerate(_TENS, 2)}
"""The numbers that notes say, by their words."""

_NAMED = ("meeting", "train", "price", "teacher", "manager", "lawyer", "driver")
_SINGULAR = {form: word for word in (*SHAPES, *COLOURS) for form in (word, plural(word))}


def _fact(label: str) -> Callable[[Sequence[Spoken], Rng, bool], Draw | None]:
    """Draw a fact that a note states; the note mostly speaks of something else too."""

    def draw(media: Sequence[Spoken], rng: Rng, absent: bool) -> Draw | None:
        note = media[0]
        facts = {fact.label: fact.value for fact in note.facts}
        if absent:
            return None if label in facts else Draw({}, UNANSWERABLE)
        if label not in facts or (len(note.text.split()) < 10 and rng.random() < 0.9):
            return None
        value = facts[label].removesuffix(" dollars")
        number = number_of(value)
        return Draw({}, (value,) if number is None else (value, str(number)))

    return draw


def number_of(words: str) -> int | None:
    """`forty five` -> 45; None for other words."""
    values = [NUMBERS.get(word) for word in words.split()]
    return sum(value for value in values if value) if values and all(values) else None


def heard(seen: Observation) -> str:
    """The words of a `transcribe` observation."""
    return str(seen.get("text", ""))


def _fact_program(kind: str, pattern: str) -> Callable[[Slots, Sequence[str]], Program]:
    """Listen, note the words that the pattern finds, and answer what stands at its group."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("transcribe", audio=media[0])
        found = re.search(pattern, heard(seen))
        return concluded(found.group(0), found.group(1)) if found else missing(kind)

    return program


def _mentions(media: Sequence[Spoken], rng: Rng, absent: bool) -> Draw | None:
    """Whether a note names a person or a thing."""
    there = rng.random() < 0.5
    word = choose(rng, [word for word in _NAMED if (word in media[0].text.split()) == there])
    return Draw({"a": word}, yes_no(there)) if word else None


def _mentions_program(slots: Slots, media: Sequence[str]) -> Program:
    words = heard((yield from one("transcribe", audio=media[0]))).split()
    wanted = slots["a"].lower()
    if wanted not in words:
        return "no"
    at = words.index(wanted)
    return concluded(" ".join(words[max(0, at - 1) : at + 1]), "yes")


def _asked(text: str) -> str:
    """The thing that a spoken question is about: `how many red circles are there` -> `red circle`."""
    return " ".join(_SINGULAR[word] for word in text.split() if word in _SINGULAR)


def _spoken(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    """The answer to a spoken question about a scene."""
    scene, note = media
    count = len(find(scene, _asked(note.text)))
    kind: Kind = "number" if "many" in note.text else "yes_no"
    if count == 0 and rng.random() < 0.7:
        return None
    return Draw({}, (str(count),) if kind == "number" else yes_no(count > 0), (), kind)


def _spoken_program(slots: Slots, media: Sequence[str]) -> Program:
    text = heard((yield from one("transcribe", audio=media[1])))
    thing = _asked(text)
    if not thing:
        return missing("question")
    seen = yield from one("detect", image=media[0], what=thing)
    return str(seen["count"]) if "many" in text else said(seen["count"] > 0)


_NOTE = ("note",)
_DAY, _HOUR = "|".join(DAYS), "|".join(_HOURS)

FAMILIES = [
    Family(
        "meeting_day", "sound_note", "text", _NOTE, _fact("meeting day"),
        _fact_program("meeting", rf"meeting .*?\b({_DAY})\b"), {}, 0.5, 0.12,
    ),
    Family(
        "meeting_hour", "sound_note", "text", _NOTE, _fact("meeting hour"),
        _fact_program("meeting", rf"meeting .*?\b({_HOUR})\b"), {}, 0.5, 0.12,
    ),
    Family(
        "train_hour", "sound_note", "text", _NOTE, _fact("train hour"),
        _fact_program("train", rf"train .*?\b({_HOUR}|noon|midnight)\b"), {}, 0.5, 0.12,
    ),
    Family(
        "whom_to_call", "sound_note", "text", _NOTE, _fact("person to call"),
        _fact_program("call", r"call the (\w+)"), {}, 0.5, 0.12,
    ),
    Family(
        "price_said", "sound_note", "text", _NOTE, _fact("price"),
        _fact_program("price", r"price is (.+?) dollars"), {}, 0.5, 0.12,
    ),
    Family("note_mentions", "sound_note", "yes_no", _NOTE, _mentions, _mentions_program, {"a": "text"}, 0.3),
    Family("spoken_question", "audio", "number", ("scene", "spoken"), _spoken, _spoken_program, {}, 0.6),
]  # fmt: skip
"""Sounds."""
