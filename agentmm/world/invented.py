"""Tools that do not exist, with questions that need them: so that a planner learns to read signatures.

A name, an argument of a known type and a question about the same thing, half of the time in a word that does not exist
either; what the tool returns is made up, and the answer is what it returned. The nouns of `agentmm/eval/held_out.py` do
not occur here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Rng = np.random.Generator

COUNTED = (
    "windows", "doors", "trees", "cars", "dogs", "cats", "bottles", "cups", "chairs", "tables", "lamps", "books",
    "boats", "bikes", "buses", "trucks", "flags", "clouds", "flowers", "leaves", "apples", "bananas", "eggs", "coins",
    "keys", "screws", "bricks", "steps", "wheels", "hands", "fingers", "hats", "shoes", "plates", "forks", "candles",
    "balls", "stamps", "cells", "spots", "cracks", "holes", "fish", "cows", "sheep", "horses", "ants", "bees",
)  # fmt: skip
"""Things that are counted in a picture."""

MEASURED = (
    "brightness", "contrast", "noise", "exposure", "saturation", "depth", "symmetry", "warmth", "clutter", "distance",
    "speed", "weight", "volume", "density", "roughness", "humidity", "darkness", "balance", "grain", "haze", "slope",
    "dents", "rust", "dirt", "wear", "quality", "beauty", "age", "crowding", "glare",
)  # fmt: skip
"""Qualities of a picture that have a number."""

NAMED = (
    "season", "mood", "style", "room", "plant", "breed", "material", "brand", "country", "decade", "emotion", "pastime",
    "fruit", "animal", "dish", "fabric", "metal", "painter", "landmark", "vehicle", "mushroom", "insect", "tool",
    "rock", "fish kind", "flag owner", "font", "logo", "planet", "game",
)  # fmt: skip
"""What a picture is asked to be named as."""

HEARD = (
    "speaker", "accent", "tempo", "dialect", "loudness", "key", "instrument", "singer", "engine", "voice", "melody",
    "alarm", "machine", "crowd", "rhythm", "footsteps",
)  # fmt: skip
"""What is told of a recording."""

TURNED = (
    "opposite", "synonym", "rhyme", "plural", "acronym", "origin", "meaning", "spelling", "definition", "nickname",
    "abbreviation", "pronunciation", "ending", "author", "capital", "anagram",
)  # fmt: skip
"""What is told of a word."""

CONVERTED = (
    "miles", "pounds", "gallons", "feet", "inches", "ounces", "yards", "knots", "acres", "degrees", "minutes",
    "weeks", "pixels", "bytes", "calories", "litres", "dozens", "percent",
)  # fmt: skip
"""Units that an amount is turned into."""

SPELT = (
    "letters", "vowels", "consonants", "syllables", "characters", "capitals", "digits", "accents", "strokes", "dots",
    "meanings", "rhymes", "spellings", "points",
)  # fmt: skip
"""What is counted of a word."""

CHECKED = (
    "prime", "even", "odd", "square", "cubic", "perfect", "lucky", "valid", "rare", "foreign", "rude", "polite",
    "plural", "taken", "known", "allowed", "safe", "free", "leap", "happy", "binary", "holy",
)  # fmt: skip
"""What a word or a number is or is not."""

BETWEEN = (
    "euros", "dollars", "francs", "yen", "rupees", "pesos", "metres", "kilometres", "grams", "kilograms",
    "tonnes", "hours", "seconds", "days", "bits", "watts", "volts", "newtons", "joules", "pints", "cups",
)  # fmt: skip
"""Units between which an amount is turned."""

ANSWERS = (
    "winter", "oak", "linen", "marble", "tulip", "granite", "robin", "jazz", "violin", "kitchen", "calm", "copper",
    "terrier", "Norway", "tennis", "pear", "velvet", "gothic", "Helen", "Martin", "north", "slow", "waltz", "cedar",
    "pewter", "orchard", "meadow", "lantern", "saffron", "thistle", "walnut", "falcon", "amber", "cobalt", "maple",
)  # fmt: skip
"""Words that invented tools return."""

_NAMES = {
    "count": ("count_{n}", "{n}_counter", "find_{n}", "{n}_count", "number_of_{n}"),
    "measure": ("measure_{n}", "{n}_meter", "{n}_of", "get_{n}", "rate_{n}", "{n}_score"),
    "name": ("classify_{n}", "{n}_of", "recognise_{n}", "guess_{n}", "{n}_classifier", "which_{n}"),
    "hear": ("detect_{n}", "{n}_of", "hear_{n}", "{n}_recogniser", "get_{n}"),
    "turn": ("{n}_of", "find_{n}", "look_up_{n}", "{n}_finder", "get_{n}"),
    "convert": ("to_{n}", "convert_to_{n}", "{n}_from", "in_{n}"),
    "spell": ("count_{n}", "{n}_of", "{n}_in", "number_of_{n}", "{n}_count"),
    "check": ("is_{n}", "check_{n}", "{n}_or_not", "test_{n}", "is_it_{n}"),
    "swap": ("convert", "convert_{n}", "exchange", "change_units", "{n}_to", "turn_{n}"),
}
_SAYS = {
    "count": ("counts {n}", "how many {n} a picture shows", "finds {n} in a picture"),
    "measure": ("measures the {n}", "the {n} of a picture, 0 to 100", "how much {n} a picture has"),
    "name": ("names the {n}", "which {n} a picture shows", "tells the {n}"),
    "hear": ("names the {n} of a recording", "listens for the {n}", "tells the {n}"),
    "turn": ("the {n} of a word", "looks up the {n}", "tells the {n} of a word"),
    "convert": ("turns an amount into {n}", "an amount in {n}", "converts to {n}"),
    "spell": ("counts the {n} of a word", "how many {n} a word has", "{n} in a word"),
    "check": ("whether something is {n}", "checks if it is {n}", "tells {n} ones from others"),
    "swap": ("turns {n} into other units", "what an amount of {n} is in another unit", "converts {n}"),
}
_QUESTIONS = {
    "count": (
        "How many {n} are there?", "How many {n} do you see?", "Count the {n}.", "What is the number of {n} here?",
        "I want to know how many {n} the picture has.", "how many {n}", "Could you count the {n} for me?",
        "I need a count of the {n}, please.", "Do you see any {n}, and how many?", "{n}: how many?",
        "Tell me how many {n} are in this photo.", "how many {n} can u see", "Count all {n} in the image.",
    ),
    "measure": (
        "What is the {n} of the picture?", "How high is the {n} here?", "Measure the {n}.", "Tell me the {n}.",
        "How much {n} does this image have?", "what {n} does it have", "Please give me a figure for the {n}.",
        "{n} of the picture?", "I need the {n} of this photo.", "Rate the {n}, please.", "How is the {n} of it?",
    ),
    "name": (
        "Which {n} is it?", "What {n} does the picture show?", "Name the {n}.", "Can you tell which {n} this is?",
        "What is the {n} here?", "what {n} is that", "Do you recognise the {n}?", "Tell me the {n}.",
        "How is the {n} in the photo?", "I would like to know the {n}.", "Which {n} do you see in this image?",
        "Give me the {n} of it.", "{n}?",
    ),
    "hear": (
        "Which {n} is it?", "What is the {n} of the recording?", "Listen and tell me the {n}.", "Name the {n}.",
        "Can you hear which {n} that is?", "what {n} do you hear", "How high is the {n}?", "Tell me the {n}, please.",
        "Measure the {n} in this clip.", "I want to know the {n}.", "{n}?",
    ),
    "turn": (
        'What is the {n} of "{w}"?', 'Give me the {n} of "{w}".', 'Do you know the {n} of "{w}"?',
        "Look up the {n} of {w}.", "{w}: what is its {n}?", "{n} of {w}", 'The {n} for "{w}", please.',
        'Tell me the {n} for "{w}".', "what is the {n} for {w}", "I need the {n} of the word {w}.",
    ),
    "convert": (
        "How much is {w} in {n}?", "What is {w} in {n}?", "Convert {w} to {n}.", "Turn {w} into {n}, please.",
        "{w} is how many {n}?", "I need {w} in {n}.", "{w} in {n}?", "Give me {w} in {n}.", "what would {w} be in {n}",
    ),
    "spell": (
        "How many {n} does the word {w} have?", "Count the {n} of the word {w}.", "How many {n} has {w}?",
        'How many {n} are there in "{w}"?', 'Number of {n} in "{w}"?', "{w}: how many {n}?",
        "count the {n} in {w}", "I need the number of {n} of {w}.", "how many {n} does {w} have", "{n} of {w}?",
        "Tell me how many {n} the word {w} has.", 'Could you count the {n} of "{w}" for me?',
    ),
    "check": (
        "Is {w} {n}?", "Was {w} {n}?", "Would you call {w} {n}?", "is {w} {n}", "Tell me whether {w} is {n}.",
        "Check if {w} is {n}.", "{w}: {n} or not?", "Can one say that {w} is {n}?", "I wonder if {w} is {n}.",
        "Was {w} a {n} one?", "Is {w} a {n} one?", "Do you think that {w} is {n}?",
    ),
    "swap": (
        "How much is {w} in {u}?", "Convert {w} to {u}.", "Turn {w} into {u}, please.", "{w} in {u}?",
        "What are {w} in {u}?", "How many {u} are {w}?", "I have {w} and want {u}.", "{w} to {u}",
        "what would {w} be in {u}", "Give me {w} in {u}.",
    ),
}  # fmt: skip
_NOUNS = {
    "count": COUNTED,
    "measure": MEASURED,
    "name": NAMED,
    "hear": HEARD,
    "turn": TURNED,
    "convert": CONVERTED,
    "spell": SPELT,
    "check": CHECKED,
    "swap": BETWEEN,
}
KINDS = tuple(_NOUNS)
_MANY = ("count", "convert", "spell", "swap")
"""Kinds whose nouns stand in the plural."""

_MARKS = ("old", "main", "first", "Latin", "German", "Spanish", "short", "local", "likely", "common", "second", "best")
_ONSETS = ("b", "br", "d", "dr", "f", "fl", "g", "gl", "h", "j", "k", "kl", "l", "m", "n", "p", "pl", "qu", "r", "s",
    "sk", "st", "t", "tr", "v", "w", "z", "sh", "ch", "th")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo", "ou", "ie")
_CODAS = ("", "n", "r", "l", "m", "t", "ck", "sh", "nd", "rt", "x", "p", "ng", "st")
_ENDINGS = ("el", "er", "on", "ish", "ing", "ot", "ium", "ard", "age", "ness")


@dataclass(frozen=True)
class Invented:
    """A tool that does not exist.

    Attributes:
        name: of the tool.
        signature: as a planner reads it: `count_doors(image:Image)`.
        says: what it does, a few words.
        noun: what it is about.
        kind: one of `KINDS`.
    """

    name: str
    signature: str
    says: str
    noun: str
    kind: str


@dataclass(frozen=True)
class Asked:
    """A question that needs an invented tool.

    Attributes:
        tool: the tool.
        text: the question.
        media: kinds of the media that come with it.
        arguments: of the right call.
        result: what the call returns.
        answer: the answer.
    """

    tool: Invented
    text: str
    media: tuple[str, ...]
    arguments: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)
    answer: str = ""


def invent(rng: Rng, kind: str | None = None) -> Invented:
    """A tool of a kind (any where None), the same for the same state of `rng`; half of the nouns are no real words."""
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    noun = _pick(rng, _NOUNS[kind]) if rng.random() < 0.5 else made_up(rng) + ("s" if kind in _MANY else "")
    if kind not in _MANY and rng.random() < 0.2:
        noun = f"{_pick(rng, _MARKS)} {noun}" if rng.random() < 0.5 else f"{made_up(rng).capitalize()} {noun}"
    name = _pick(rng, _NAMES[kind]).format(n=noun.replace(" ", "_").lower())
    arguments = _pick(rng, _ARGUMENTS[kind])
    return Invented(name, f"{name}({arguments})", _pick(rng, _SAYS[kind]).format(n=noun), noun, kind)


def ask_for(tool: Invented, rng: Rng) -> Asked:
    """A question that the tool answers."""
    text = _pick(rng, _QUESTIONS[tool.kind])
    media, values, word = _GIVEN[tool.kind](rng)
    result, answer = _result(tool, rng)
    unit = values[-1] if tool.kind == "swap" else ""
    said = text.format(n=tool.noun, w=f"{word} {tool.noun}" if unit else word, u=unit)
    arguments = dict(zip(_ARGUMENT.findall(tool.signature), values, strict=True))
    careful = rng.random() < 0.85 and not text.startswith("{w}")
    return Asked(tool, said[:1].upper() + said[1:] if careful else said, media, arguments, result, answer)


def made_up(rng: Rng) -> str:
    """A word that no language has: `brantol`. What stands for it can only be read off the signatures."""
    parts = (_ONSETS, _VOWELS, _CODAS, _ONSETS, _VOWELS, _CODAS)
    word = "".join(_pick(rng, part) for part in parts[: 3 * int(rng.integers(1, 3))])
    return word if len(word) > 3 else word + _pick(rng, _ENDINGS)


def _result(tool: Invented, rng: Rng) -> tuple[dict[str, Any], str]:
    """What a call returns, and the answer."""
    if tool.kind in ("count", "spell"):
        count = int(rng.integers(0, 30))
        return {"count": count}, str(count)
    if tool.kind == "check":
        true = bool(rng.random() < 0.5)
        return {_pick(rng, ("value", "result", tool.noun.replace(" ", "_"))): true}, "yes" if true else "no"
    if tool.kind in ("measure", "convert", "swap"):
        value = round(float(rng.uniform(0, 100)), int(rng.integers(0, 3)))
        told = int(value) if value == int(value) else value
        return {_pick(rng, ("value", tool.noun.replace(" ", "_"))): told}, str(told)
    word = _pick(rng, ANSWERS) if rng.random() < 0.5 else made_up(rng)
    return {_pick(rng, ("label", "name", "text", tool.noun.replace(" ", "_"))): word}, word


Given = tuple[tuple[str, ...], tuple[Any, ...], str]
"""Kinds of the media of a question, the values of a call's arguments, and what the question says of them."""


def _image(rng: Rng) -> Given:
    return ("image",), ("image_1",), ""


def _audio(rng: Rng) -> Given:
    return ("audio",), ("audio_1",), ""


def _word(rng: Rng) -> Given:
    word = _pick(rng, ANSWERS) if rng.random() < 0.5 else made_up(rng)
    word = word.capitalize() if rng.random() < 0.2 else word
    return (), (word,), word


def _amount(rng: Rng) -> Given:
    amount = int(rng.integers(1, 500))
    return (), (amount,), str(amount)


def _number(rng: Rng) -> Given:
    number = int(rng.integers(1, 3000))
    return (), (number,), str(number)


def _amount_and_unit(rng: Rng) -> Given:
    amount = int(rng.integers(1, 500))
    unit = _pick(rng, BETWEEN) if rng.random() < 0.6 else made_up(rng) + "s"
    return (), (amount, unit), str(amount)


_ARGUMENT = re.compile(r"(\w+):")
_ON_IMAGE = ("image:Image", "image:Image", "photo:Image", "picture:Image", "frame:Image")
_ON_WORD = ("text:Text", "text:Text", "word:Text", "phrase:Text", "name:Text", "term:Text", "query:Text")
_ON_AMOUNT = ("amount:Number", "amount:Number", "value:Number", "quantity:Number")
_ARGUMENTS = {
    "count": _ON_IMAGE,
    "measure": _ON_IMAGE,
    "name": _ON_IMAGE,
    "hear": ("audio:Audio", "audio:Audio", "clip:Audio", "recording:Audio", "sound:Audio"),
    "turn": _ON_WORD,
    "convert": _ON_AMOUNT,
    "spell": _ON_WORD,
    "check": ("number:Number", "year:Number", "value:Number", "n:Number"),
    "swap": tuple(f"{amount},{unit}:Text" for amount in _ON_AMOUNT for unit in ("to", "unit", "into")),
}
_GIVEN: dict[str, Callable[[Rng], Given]] = {
    "count": _image,
    "measure": _image,
    "name": _image,
    "hear": _audio,
    "turn": _word,
    "convert": _amount,
    "spell": _word,
    "check": _number,
    "swap": _amount_and_unit,
}


def _pick(rng: Rng, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
