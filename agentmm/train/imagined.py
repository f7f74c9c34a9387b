"""Episodes told from the truth of the practice world: text for the LM stage, no picture looked at, no tool run.

A gold program is a function of what it is shown, so it may be shown what a tool *would* say: the truth, now and then
with a thing missed, a colour confused or a letter misread. Thousands a minute; the traces of real tools come later.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from operator import ge, gt, le, lt
from typing import Any

import numpy as np

from agentmm.world.codes import CodePicture
from agentmm.world.documents.page import Document
from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.families.codes import Codes
from agentmm.world.families.several import BOARDS
from agentmm.world.families.sight import SEEN
from agentmm.world.families.things import parts
from agentmm.world.program import Call, Observation, advance, missing
from agentmm.world.sample import Question, handles_of, sample_questions
from agentmm.world.scenes import Scene
from agentmm.world.sights import TurnedPage
from agentmm.world.sources import Medium
from agentmm.world.speech import Spoken

Messages = list[dict[str, Any]]
_ERRORS = ("the model ran out of memory", "the result was lost", "the input could not be decoded", "internal error")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_LISTED, _MOST_STEPS = 12, 8

EVENNESS = 0.75
"""How far training is from the families' own shares (0) to as many episodes of each (1): small ones need practice."""

FORGOTTEN = 0.02
"""Share of the training episodes whose question comes without the picture or the sound that it is about."""


class Unimaginable(Exception):
    """A program calls a tool that cannot be told from the truth."""


def imagine_episodes(
    n: int, seed: int, split: str = "train", families: Sequence[str] | None = None
) -> Iterator[Messages]:
    """Episodes of sampled questions, the same for the same arguments; questions that cannot be told are passed over.

    Yields:
        Messages as dicts: the question, the planner's turns, the observations, the answer.
    """
    return (messages for messages, _ in imagine_with_media(n, seed, split, families))


def imagine_with_media(
    n: int,
    seed: int,
    split: str = "train",
    families: Sequence[str] | None = None,
    *,
    sighted: bool = False,
    practice: Mapping[str, float] | None = None,
) -> Iterator[tuple[Messages, tuple[Medium, ...]]]:
    """Episodes as `imagine_episodes` tells them, each with the media that it shows, in order; made ones come last.

    Args:
        n: questions.
        seed: another seed gives other episodes.
        split: of the questions.
        families: only these.
        sighted: whether the planner will see the pictures; if not, what only eyes tell is passed over.
        practice: family -> how many times as often it is asked.
    """
    rng = np.random.default_rng([7, seed])
    training = split == "train"
    evenness = EVENNESS if training else 0.0
    for question in sample_questions(split, n, seed, families=families, evenness=evenness, practice=practice):
        if training and question.media and rng.random() < FORGOTTEN:
            yield forgotten(question), ()
            continue
        try:
            yield imagine_shown(question, rng, sighted=sighted)
        except Unimaginable:
            continue


def imagine(question: Question, rng: np.random.Generator, *, sighted: bool = False) -> Messages:
    """One episode; what only eyes tell can be told where the planner is `sighted`.

    Raises:
        Unimaginable: a tool's result cannot be told from the truth.
    """
    return imagine_shown(question, rng, sighted=sighted)[0]


def imagine_shown(
    question: Question, rng: np.random.Generator, *, sighted: bool = False
) -> tuple[Messages, tuple[Medium, ...]]:
    """One episode as `imagine` tells it, with the media that it shows: those of the question, then those tools made.

    Raises:
        Unimaginable: a tool's result cannot be told from the truth.
    """
    if SEEN in question.slots and not sighted:
        raise Unimaginable("what eyes tell")
    handles = handles_of([medium.kind for medium in question.media])
    blocks: list[dict[str, Any]] = [
        {"type": medium.kind, "file_id": handle} for medium, handle in zip(question.media, handles, strict=True)
    ]
    messages: Messages = [{"role": "user", "content": [*blocks, {"type": "text", "text": question.text}]}]
    telling = _Telling(question, dict(zip(handles, question.media, strict=True)), rng)
    history: list[list[Observation]] = []
    for _ in range(_MOST_STEPS):
        step = advance(question.program, history)
        if isinstance(step, str):
            return [*messages, {"role": "assistant", "content": step}], (*question.media, *telling.made)
        history.append([telling.observe(call) for call in step])
        calls = [{"name": call.tool, "args": call.arguments} for call in step]
        messages.append({"role": "assistant", "content": step[0].thought, "tool_calls": calls})
        messages += [{"role": "tool", "content": _observation(seen)} for seen in history[-1]]
    raise Unimaginable("too many steps")


def forgotten(question: Question) -> Messages:
    """The episode of a question whose media did not come: it cannot be answered, and no tool can help."""
    kind = "picture" if question.media[0].kind == "image" else "sound"
    return [
        {"role": "user", "content": [{"type": "text", "text": question.text}]},
        {"role": "assistant", "content": missing(kind)},
    ]


def _observation(seen: Observation) -> str | list[dict[str, Any]]:
    """A result as the planner reads it: its JSON, and the picture that a tool made."""
    told, made = json.dumps(seen, ensure_ascii=False), seen.get("image")
    return told if not made else [{"type": "text", "text": told}, {"type": "image", "file_id": made}]


class _Telling:
    """What the tools of one episode say; numbers regions and pictures through the episode."""

    def __init__(self, question: Question, media: dict[str, Any], rng: np.random.Generator) -> None:
        self.media, self.rng, self.fault = media, rng, question.fault or {}
        self.left, self.regions = int(self.fault.get("times", 0)), 0
        self.made: list[Medium] = []
        self._seen: dict[str, Any] = {}

    def observe(self, call: Call) -> Observation:
        """The observation of one call, faults included."""
        tell = _TELLERS.get(call.tool)
        medium = next((self.media[v] for v in call.arguments.values() if v in self.media), None)
        if tell is None or (call.tool != "calculate" and medium is None):
            raise Unimaginable(call.tool)
        failing = self.left > 0 and self.fault["tool"] == call.tool
        if failing and self.fault["kind"] == "error":
            self.left -= 1
            return {"error": f"{call.tool} failed: {_ERRORS[int(self.rng.integers(len(_ERRORS)))]}"}
        before = self.regions
        seen = tell(self, self._truth(medium), call.arguments)
        if not failing:
            return seen
        self.left, self.regions = self.left - 1, before
        return {
            key: type(value)() if isinstance(value, (list, dict, str, int)) else value for key, value in seen.items()
        }

    def _truth(self, medium: Medium | None) -> Any:
        """What a medium shows as it lies now; a page that was not turned right lies as it lies."""
        if medium is None or not medium.turned:
            return None if medium is None else medium.truth
        page: TurnedPage = medium.truth
        left = (page.degrees - medium.turned) % 360
        return TurnedPage(page.page, left) if left else page.page

    def detect(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `detect` would say of a scene."""
        if not isinstance(truth, Scene):
            raise Unimaginable("detect on a page")
        what = parts(str(arguments.get("what", "")))
        shapes = self._memory("shapes", arguments, lambda: self._shapes(truth))
        kept = [shape for shape in shapes if all(shape[part] == word for part, word in what.items())]
        listed = [f"{self.region()} {s['colour']} {s['shape']} {s['size']} {s['x']},{s['y']}" for s in kept[:_LISTED]]
        return {"count": len(kept), **({} if what else _tallies(kept)), "found": listed}

    def _shapes(self, scene: Scene) -> list[dict[str, Any]]:
        """Shapes from left to right, a few missed or confused."""
        seen = []
        for shape in sorted(scene.shapes, key=lambda s: s.centre):
            if self.rng.random() < 0.02:
                continue
            x, y = (round(c + self.rng.normal()) for c in shape.centre)
            told = {"colour": shape.colour, "shape": shape.shape, "size": shape.size, "x": max(0, x), "y": max(0, y)}
            if self.rng.random() < 0.02:
                told["shape"] = SHAPES[int(self.rng.integers(len(SHAPES)))]
            if self.rng.random() < 0.02:
                told["colour"] = list(COLOURS)[int(self.rng.integers(len(COLOURS)))]
            seen.append(told)
        return seen

    def read_text(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `read_text` would say of a page."""
        if not isinstance(truth, Document):
            raise Unimaginable("read_text on a scene")
        lines = self._memory("lines", arguments, lambda: [self._misread(line) for line in truth.lines])
        return {"count": len(lines), "lines": [f"{self.region()} {line}" for line in lines]}

    def _misread(self, line: str) -> str:
        """The line, once in fifty with a wrong letter."""
        if not line or self.rng.random() > 0.02:
            return line
        at = int(self.rng.integers(len(line)))
        return line[:at] + _LETTERS[int(self.rng.integers(len(_LETTERS)))] + line[at + 1 :]

    def describe_media(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `describe_media` says of a picture."""
        height, width = truth.pixels.shape[:2]
        return {"kind": "image", "width": int(width), "height": int(height)}

    def measure_colour(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `measure_colour` would say of a painted page."""
        if not isinstance(truth, Document) or tuple(truth.look.paper) not in BOARDS:
            raise Unimaginable("measure_colour on a scene")
        rgb = [int(np.clip(c + self.rng.integers(-6, 7), 0, 255)) for c in truth.look.paper]
        return {
            "colour": {**BOARDS}[truth.look.paper],
            "rgb": rgb,
            "share": round(float(self.rng.uniform(0.5, 0.99)), 2),
        }

    def read_code(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `read_code` would say of codes, from left to right; one in fifty is not seen."""
        if not isinstance(truth, (Codes, CodePicture)):
            raise Unimaginable("read_code on a scene or a page")
        codes = truth.codes if isinstance(truth, Codes) else (truth,)
        said = [f"{code.kind} {code.payload}" for code in codes]
        kept = self._memory("codes", arguments, lambda: [text for text in said if self.rng.random() >= 0.02])
        return {"count": len(kept), "codes": [f"{self.region()} {text}" for text in kept]}

    def transcribe(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """What `transcribe` would write down."""
        if not isinstance(truth, Spoken):
            raise Unimaginable("transcribe on a picture")
        return {"text": truth.text}

    def rotate(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """The handle of a page that `rotate` has turned."""
        before, degrees = self.media[arguments["image"]], int(arguments["degrees"])
        if not isinstance(truth, TurnedPage) or degrees % 90:
            raise Unimaginable("rotate on a scene, or by no whole quarter")
        handle = f"image_{sum(name.startswith('image_') for name in self.media) + 1}"
        self.made.append(replace(before, turned=(before.turned + degrees) % 360))
        self.media[handle] = self.made[-1]
        return {"image": handle}

    def calculate(self, truth: Any, arguments: dict[str, Any]) -> Observation:
        """The exact value."""
        return {"value": value_of(str(arguments["expression"]))}

    def region(self) -> str:
        """The next region handle."""
        self.regions += 1
        return f"region_{self.regions}"

    def _memory(self, kind: str, arguments: dict[str, Any], make: Callable[[], Any]) -> Any:
        """A tool errs alike whenever it looks at the same picture."""
        key = f"{kind} {arguments.get('image')}"
        if key not in self._seen:
            self._seen[key] = make()
        return self._seen[key]


_TELLERS: dict[str, Callable[[_Telling, Any, dict[str, Any]], Observation]] = {
    "detect": _Telling.detect,
    "read_text": _Telling.read_text,
    "read_code": _Telling.read_code,
    "transcribe": _Telling.transcribe,
    "describe_media": _Telling.describe_media,
    "measure_colour": _Telling.measure_colour,
    "rotate": _Telling.rotate,
    "calculate": _Telling.calculate,
}


def _tallies(shapes: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Labels and colours by count, the most frequent first."""
    labels, colours = (Counter(shape[part] for shape in shapes) for part in ("shape", "colour"))
    return {
        name: dict(sorted(tally.items(), key=lambda p: (-p[1], p[0])))
        for name, tally in (("labels", labels), ("colours", colours))
    }


_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {"<": lt, ">": gt, "<=": le, ">=": ge}


def value_of(expression: str) -> bool | int | float:
    """The exact value of a sum of products, or whether a comparison of two holds.

    Raises:
        Unimaginable: the expression holds anything but numbers and + - * / < > <= >=.
    """
    sides = re.split(r"(<=|>=|<|>)", expression)
    if len(sides) == 3:
        return _COMPARE[sides[1]](_sum(sides[0]), _sum(sides[2]))
    value = _sum(expression)
    return value.numerator if value.denominator == 1 else round(float(value), 6)


def _sum(text: str) -> Fraction:
    """A sum of products, no brackets."""
    tokens = re.findall(r"\d+(?:\.\d+)?|[-+*/]", text)
    if "".join(tokens) != "".join(text.split()) or len(tokens) % 2 == 0:
        raise Unimaginable(text)
    total, term = Fraction(0), Fraction(tokens[0])
    for sign, number in zip(tokens[1::2], tokens[2::2], strict=True):
        if sign in "+-":
            total, term = total + term, Fraction(number) * (1 if sign == "+" else -1)
        elif sign == "*":
            term *= Fraction(number)
        elif Fraction(number):
            term /= Fraction(number)
        else:
            raise Unimaginable(text)
    return total + term
