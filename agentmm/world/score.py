"""What a right answer is; the same rule for every suite, planner and baseline.

An answer is right when, normalised, it equals an accepted form, or contains one between word boundaries, has at most
eight further words, and names no second candidate of its kind. Knows no question, tool or planner.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal

MOST_FURTHER_WORDS = 8
"""An accepted form may stand among so many other words."""

UNANSWERABLE = "unanswerable"

CITATION = re.compile(r"\s*\[(?:region|mask|image|audio|video)_\d+\]")
"""What an answer cites, with the space before it."""

_NUMBER = re.compile(r"(?<![\w.,/:])(?<!\w-)-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w|[.,/:]\d|-\w)")
_CHUNK = re.compile(r"(?<![\w.])-?\d+(?:[.,:/-]\d+)*(?!\d)")
_DATE = re.compile(r"\b(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ](?:\d{1,2}|[a-z]{3,9})[-./, ]{1,2}\d{4})\b")
_OUTER = " \t\n.,;:!?\"'`*_()[]{}<>“”‘’«»…"
_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey", "gray")
_SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
_SIZES = ("small", "medium", "large")


def normalise(text: str) -> str:
    """NFKC, lower case, no citations, spaces squeezed, outer punctuation dropped, numbers in one form.

    `" The total:  $12.50 [region_2]. "` -> `the total: $12.5`.
    """
    plain = unicodedata.normalize("NFKC", CITATION.sub("", text)).lower()
    squeezed = " ".join(plain.split()).strip(_OUTER)
    return _NUMBER.sub(lambda number: _canonical(number.group(0)), squeezed)


def _canonical(number: str) -> str:
    """`1,234.50` -> `1234.5`."""
    value = Decimal(number.replace(",", ""))
    return format(value.normalize() if value else Decimal(0), "f")


def is_right(answer: str, accepted: Sequence[str], kind: str = "text", others: Sequence[str] = ()) -> bool:
    """Whether an answer is right.

    Args:
        answer: the final text, citations included.
        accepted: the accepted forms; `("unanswerable",)` where there is no answer.
        kind: `number`, `price`, `yes_no`, `colour`, `shape`, `size`, `picture`, `date` or `text`: what a second
            candidate would be.
        others: further candidates that must not be named.
    """
    given = normalise(answer)
    forms = [normalise(form) for form in accepted]
    if UNANSWERABLE in forms or given.startswith(UNANSWERABLE):
        return UNANSWERABLE in forms and given.startswith(UNANSWERABLE)
    if not given or given in forms:
        return bool(given)
    if kind in _VALUES:
        return _says_value(given, forms, _VALUES[kind])
    return any(_says_form(given, form, kind, others) for form in forms)


def _says_value(given: str, forms: Sequence[str], values: Callable[[str], list[str]]) -> bool:
    """Whether all values that an answer names are one accepted value."""
    named, wanted = set(values(given)), {value for form in forms for value in values(form)}
    return len(named) == 1 and named <= wanted and len(given.split()) <= 1 + MOST_FURTHER_WORDS


def _says_form(given: str, form: str, kind: str, others: Sequence[str]) -> bool:
    """Whether an answer contains a form, little else, and no second candidate."""
    pattern = re.compile(rf"(?<!\w){re.escape(form)}(?!\w)")
    if not form or not pattern.search(given):
        return False
    if len(given.split()) - len(form.split()) > MOST_FURTHER_WORDS:
        return False
    rest = pattern.sub(" ", given)
    return not any(_named(candidate, rest) for candidate in (*_CANDIDATES.get(kind, ()), *map(normalise, others)))


def _named(candidate: str, text: str) -> bool:
    return bool(candidate) and re.search(rf"(?<!\w){re.escape(candidate)}(?!\w)", text) is not None


def numbers(text: str) -> list[str]:
    """The numbers of a normalised text, in digits; words (`three`) count where there are no digits.

    What only looks like one (`120,88`, `12:30`) counts too, as it stands: it is a second candidate.
    """
    found = _CHUNK.findall(text)
    return found or [str(_COUNTED.index(word)) for word in re.findall(r"[a-z]+", text) if word in _COUNTED]


def _places(text: str) -> list[str]:
    """The places that a normalised text names: `picture 2` and `the second one` -> 2."""
    digits = _CHUNK.findall(text)
    words = re.findall(r"[a-z]+", text)
    return digits + [str(_ORDINALS.index(word) + 1) for word in words if word in _ORDINALS]


def _dates(text: str) -> list[str]:
    return [re.sub(r"[-./, ]+", "-", date) for date in _DATE.findall(text)]


_VALUES: dict[str, Callable[[str], list[str]]] = {
    "number": numbers,
    "price": numbers,
    "picture": _places,
    "date": _dates,
}
"""Kinds whose answers are compared as values, with what finds the values in a text."""

_CANDIDATES: dict[str, tuple[str, ...]] = {
    "yes_no": ("yes", "no"),
    "colour": _COLOURS,
    "shape": (*_SHAPES, *(f"{shape}{'es' if shape.endswith('s') else 's'}" for shape in _SHAPES)),
    "size": _SIZES,
}
"""Kinds whose candidates are words."""
