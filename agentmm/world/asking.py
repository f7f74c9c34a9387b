"""From slots to words and back: fills a family's templates, and finds the family and the slots of a user's question.

Matching is literal, over the templates of all families: case, outer punctuation and spacing do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.families import FAMILIES
from agentmm.world.families.family import SlotKind, Slots
from agentmm.world.families.things import ANY_THING, named, plural
from agentmm.world.scenes import SIZES
from agentmm.world.sources import SOUNDS
from agentmm.world.wordings import WORDINGS

_PLACE = re.compile(r"\{([abAB])(_one|_many)?\}")
_AGREES = {"a": "_one", "an": "_one", "one": "_one", "each": "_one", "every": "_one", "many": "_many", "all": "_many"}
"""Words that want the singular or the plural after them, whatever is natural to the family."""

_ARTICLE = re.compile(r"\b([Aa]) (?=orange\b)")


def fill(template: str, slots: Slots, kinds: Mapping[str, SlotKind]) -> str:
    """Put a question's slots into a template.

    Args:
        template: with places `{a}`, `{b}`, `{A}`, `{B}`, `{a_one}`, `{a_many}`, ...
        slots: what the places hold, things in the form `red circle`.
        kinds: the kind of each slot.

    Returns:
        The question. A place whose slot the family has not stays as it is.
    """

    def put(place: re.Match[str]) -> str:
        letter, form = place.group(1), place.group(2) or ""
        slot = letter.lower()
        if slot not in slots:
            return place.group(0)
        before = template[: place.start()].split()
        text = _form(
            slots[slot], kinds.get(slot, "text"), form or _AGREES.get(before[-1].lower() if before else "", "")
        )
        return text[:1].upper() + text[1:] if letter.isupper() else text

    return _ARTICLE.sub(r"\1n ", _PLACE.sub(put, template))


def in_order(template: str, slots: Slots) -> Slots:
    """Slots in the order in which a template names them, as `match_question` finds them; those without a place last."""
    named = [place.group(1).lower() for place in _PLACE.finditer(template)]
    return {slot: slots[slot] for slot in dict.fromkeys([*named, *slots]) if slot in slots}


def unknown_places(template: str, kinds: Mapping[str, SlotKind]) -> str:
    """What is wrong with a template's places: `{c} is unknown`, `{b} is missing`; empty where nothing is."""
    found = {place.lower() for place in re.findall(r"\{(\w+?)(?:_one|_many)?\}", template)}
    wrong = [f"{{{slot}}} is unknown" for slot in sorted(found - set(kinds))]
    return ", ".join(wrong + [f"{{{slot}}} is missing" for slot in sorted(set(kinds) - found)])


def _form(value: str, kind: SlotKind, form: str) -> str:
    """A slot's value as words: `red` as things is `red shapes`."""
    if kind not in ("thing", "things"):
        return value
    many = form == "_many" or (kind == "things" and form != "_one")
    return plural(named(value)) if many else named(value)


@dataclass(frozen=True)
class Match:
    """The family and the slots that a question was found to have."""

    family: str
    slots: Slots
    template: str


@dataclass(frozen=True)
class _Pattern:
    family: str
    template: str
    regex: re.Pattern[str]
    weight: int


def match_question(text: str, images: int | None = None, sounds: int | None = None) -> Match | None:
    """Find the family and the slots of a question in a user's words.

    Args:
        text: the question.
        images: how many pictures come with it; families that need another number are left out.
        sounds: how many sounds come with it.

    Returns:
        The match whose template has the most literal letters, or None.
    """
    question = _plain(text)
    for pattern in _patterns():
        if not _suits(pattern.family, images, sounds):
            continue
        found = pattern.regex.fullmatch(question)
        if found is not None:
            slots = _slots(pattern.family, found.groupdict())
            if slots is not None:
                return Match(pattern.family, slots, pattern.template)
    return None


def _suits(family: str, images: int | None, sounds: int | None) -> bool:
    needs = FAMILIES[family].needs
    heard = sum(need in SOUNDS for need in needs)
    seen = len(needs) - heard
    enough = images is None or (images == seen or (seen >= 2 and images >= 2))
    return enough and (sounds is None or sounds == heard)


@lru_cache(maxsize=1)
def _patterns() -> tuple[_Pattern, ...]:
    """All templates as patterns, those with more literal letters first."""
    found = [
        _pattern(family, template) for family, wordings in WORDINGS.items() for template in wordings.every
        if family in FAMILIES
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda pattern: -pattern.weight))


def _pattern(family: str, template: str) -> _Pattern:
    kinds = FAMILIES[family].slots
    plain = _plain(template)
    pieces, end, taken = [], 0, set()
    for place in _PLACE.finditer(plain):
        pieces.append(re.escape(plain[end : place.start()]))
        slot, end = place.group(1).lower(), place.end()
        pieces.append(f"(?P={slot})" if slot in taken else f"(?P<{slot}>{_words(kinds.get(slot, 'text'))})")
        taken.add(slot)
    pieces.append(re.escape(plain[end:]))
    literal = len(_PLACE.sub("", plain))
    typed = sum(kind not in ("text", "expression") for kind in kinds.values())
    return _Pattern(
        family, template, re.compile("".join(pieces), re.IGNORECASE), literal + (100 * typed if kinds else 1000)
    )


@lru_cache(maxsize=8)
def _words(kind: SlotKind) -> str:
    """What a slot of a kind may look like in a question."""
    if kind == "number":
        return r"\d+"
    if kind == "colour":
        return "|".join((*COLOURS, "white", "grey"))
    if kind == "expression":
        return r"[\d .,+*/()-]*\d[\d .,+*/()-]*"
    if kind == "text":
        return r"\S(?:.*?\S)?"
    nouns = "|".join(plural(noun) + "|" + noun for noun in (*SHAPES, *ANY_THING))
    marks = "|".join((*SIZES, *COLOURS))
    return rf"(?:(?:{marks}) )*(?:{nouns})"


def _plain(text: str) -> str:
    """A question without outer marks and doubled spaces, `an` written `a`."""
    squeezed = " ".join(unicodedata.normalize("NFKC", text).split()).strip(" ?!.\"'“”")
    return re.sub(r"\b([Aa])n (?=orange\b)", r"\1 ", squeezed)


def _slots(family: str, found: Mapping[str, str]) -> Slots | None:
    """The slots in the form that programs use; None where a place holds what its kind does not allow."""
    kinds = FAMILIES[family].slots
    slots = {slot: _value(text, kinds.get(slot, "text")) for slot, text in found.items()}
    return slots if set(slots) == set(kinds) else None


def _value(text: str, kind: SlotKind) -> str:
    if kind == "colour":
        return text.lower()
    if kind not in ("thing", "things"):
        return text.strip("\"'“”‘’")
    words = [_singular(word) for word in text.lower().split()]
    return " ".join(word for word in words if word not in ANY_THING)


@lru_cache(maxsize=64)
def _singular(word: str) -> str:
    return next((noun for noun in (*SHAPES, *ANY_THING) if word in (noun, plural(noun))), word)
