"""The manner in which a wording is typed: an opening, thanks, lower case, no question mark, a typing error.

And, in training, words that nobody knows and words that belong to other questions: who must understand a question
without one of its words leans on the rest.

It works on templates, before their places are filled, and leaves the places alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agentmm.world.invented import made_up

OPENINGS = (
    "Hi, ", "Hello, ", "Hey, ", "Hi there, ", "OK, ", "So, ", "Quick question: ", "One question: ", "Excuse me, ",
    "Sorry to bother you, ", "Next one: ", "Question: ", "Well, ", "Now, ",
)  # fmt: skip
"""What a question may begin with."""

CLOSINGS = (" Thanks!", " Thanks.", " Thank you.", " Thanks a lot!", " Cheers.", " Much appreciated.")
"""What may come after it."""

SHARES = {"opening": 0.12, "closing": 0.07, "lower": 0.18, "no_mark": 0.15, "typo": 0.1}
"""How often each happens, independently."""

HASTY = SHARES | {"lower": 0.3, "typo": 0.35}
"""The same of somebody in a hurry."""

SMALL_NAMES = {"lower": 0.9, "else": 0.3}
"""How often names are typed in lower case too: in a sentence that is, and in another."""

UNKNOWN_SHARE, UNKNOWN_WORDS = 0.2, 0.2
"""Share of the training questions with unknown words, and the share of such a question's words, one at least."""

LIKE_SHARE = 0.45
"""Share of the training questions with words that others of their meaning replace."""

_PLACE = re.compile(r"(\{\w+\})")
_LONG = re.compile(r"[A-Za-z]{5,}")
_ANY = re.compile(r"[A-Za-z']{2,}")
_FIRST = re.compile(r"(?!I\b|QR\b)[A-Z]")


def with_manner(template: str, rng: np.random.Generator, shares: Mapping[str, float] = SHARES) -> str:
    """A template as somebody might type it.

    Args:
        template: a wording with its places.
        rng: the only source of chance; always five numbers are drawn, and more where something happens.
        shares: how often each happens: `SHARES`, or `HASTY` for somebody in a hurry.
    """
    happens = {name: bool(rng.random() < share) for name, share in shares.items()}
    if happens["typo"]:
        template = _mistyped(template, rng)
    if happens["no_mark"]:
        template = template.rstrip("?.! ")
    if happens["opening"]:
        start = template[:1].lower() if _FIRST.match(template) else template[:1]
        template = OPENINGS[int(rng.integers(len(OPENINGS)))] + start + template[1:]
    if happens["closing"]:
        stop = "" if template.endswith(("?", ".", "!")) else "."
        template += stop + CLOSINGS[int(rng.integers(len(CLOSINGS)))]
    return _lower(template) if happens["lower"] else template


def as_typed(template: str, slots: Mapping[str, str], rng: np.random.Generator) -> dict[str, str]:
    """What a question's places hold as somebody might type it: names in lower case, whatever is printed.

    Args:
        template: the sentence, which tells how carefully it is typed.
        slots: what its places hold; things are in lower case anyway.
        rng: the only source of chance; one number is drawn where a name has a capital.
    """
    if not any(value != value.lower() for value in slots.values()):
        return dict(slots)
    words = "".join(part for part in _PLACE.split(template) if not _PLACE.match(part))
    share = SMALL_NAMES["lower" if words == words.lower() else "else"]
    small = rng.random() < share
    return {slot: value.lower() if small else value for slot, value in slots.items()}


def with_unknown_words(
    template: str, rng: np.random.Generator, share: float = UNKNOWN_SHARE, strange: Sequence[str] = ()
) -> str:
    """A template, some of whose words may be others that no language has, or strange ones; places and all marks stay.

    Args:
        template: a wording with its places.
        rng: the only source of chance.
        share: how often words are replaced at all.
        strange: words that belong elsewhere; half of the new words are of these where there are any.

    Source: word dropout, arXiv 1511.06349, section 3.1, with a new word for each instead of one for all.
    """
    if rng.random() >= share:
        return template
    parts = _PLACE.split(template)
    words = [
        (i, found.span()) for i, part in enumerate(parts) if not _PLACE.match(part) for found in _ANY.finditer(part)
    ]
    if not words:
        return template
    lost = {int(rng.integers(len(words))), *np.flatnonzero(rng.random(len(words)) < UNKNOWN_WORDS).tolist()}
    for index in sorted(lost, reverse=True):  # from the end, so that the spans before stay true
        at, (start, end) = words[index]
        word = strange[int(rng.integers(len(strange)))] if strange and rng.random() < 0.5 else made_up(rng)
        parts[at] = parts[at][:start] + (word.capitalize() if parts[at][start].isupper() else word) + parts[at][end:]
    return "".join(parts)


def with_like_words(
    template: str, rng: np.random.Generator, likes: Mapping[str, Sequence[str]], share: float = LIKE_SHARE
) -> str:
    """A template, some of whose words may be others of their meaning; places and all marks stay.

    Args:
        template: a wording with its places.
        rng: the only source of chance.
        likes: word -> others of its meaning.
        share: how often words are replaced at all; then half of those that can be, one at least.
    """
    if rng.random() >= share:
        return template
    parts = _PLACE.split(template)
    words = [
        (i, found.span(), likes[found.group().lower()])
        for i, part in enumerate(parts)
        if not _PLACE.match(part)
        for found in _ANY.finditer(part)
        if found.group().lower() in likes
    ]
    if not words:
        return template
    put = {int(rng.integers(len(words))), *np.flatnonzero(rng.random(len(words)) < 0.5).tolist()}
    for index in sorted(put, reverse=True):  # from the end, so that the spans before stay true
        at, (start, end), others = words[index]
        word = others[int(rng.integers(len(others)))]
        word = word[:1].upper() + word[1:] if parts[at][start].isupper() else word
        parts[at] = parts[at][:start] + word + parts[at][end:]
    return "".join(parts)


def _lower(template: str) -> str:
    """Lower case everywhere but in places, whose letters tell their form; `{A}` becomes `{a}`."""
    return "".join(part.lower() for part in _PLACE.split(template))


def _mistyped(template: str, rng: np.random.Generator) -> str:
    """One letter inside one longer word is lost, doubled, or changes places with the next; first letters stay."""
    parts = _PLACE.split(template)
    words = [(i, found) for i, part in enumerate(parts) if not _PLACE.match(part) for found in _LONG.finditer(part)]
    if not words:
        return template
    at, found = words[int(rng.integers(len(words)))]
    word = found.group()
    k = int(rng.integers(1, len(word) - 1))
    swapped = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
    changed = (word[:k] + word[k + 1 :], word[:k] + word[k] + word[k:], swapped)
    parts[at] = parts[at][: found.start()] + changed[int(rng.integers(3))] + parts[at][found.end() :]
    return "".join(parts)
