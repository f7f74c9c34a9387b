"""The suite `tools`: eight tools that no training has seen, asked for with them there and with them missing.

Names, nouns and descriptions are new, the types of the arguments are known. What a tool returns is made up: measured is
whether the planner calls the right tool, rightly, and says so when that tool is not offered.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from agentmm.agent import Agent
from agentmm.eval.intervals import wilson
from agentmm.media import Audio, Image
from agentmm.planner import load_planner
from agentmm.registry import load_tools
from agentmm.tool import tool
from agentmm.world.sources import medium

OFFERED = ("detect", "read_text", "transcribe", "describe_media", "calculate")
"""The tools of the product that stand around a held-out one."""


@tool
def count_umbrellas(image: Image) -> dict:
    """Counts umbrellas."""
    return {"count": 3}


@tool
def measure_sharpness(image: Image) -> dict:
    """Measures the sharpness of a picture."""
    return {"value": 71}


@tool
def identify_bird(image: Image) -> dict:
    """Names the bird in a picture."""
    return {"label": "wagtail"}


@tool
def weather_in(image: Image) -> dict:
    """Tells the weather in a picture."""
    return {"label": "drizzle"}


@tool
def detect_language(audio: Audio) -> dict:
    """Names the language of a recording."""
    return {"label": "Basque"}


@tool
def heart_rate(audio: Audio) -> dict:
    """Measures the heart rate in a recording."""
    return {"value": 58}


@tool
def french_word(text: str) -> dict:
    """The French word for a word."""
    return {"text": "chaise"}


@tool
def to_kelvin(amount: float) -> dict:
    """Turns an amount into kelvin."""
    return {"value": 310}


ASKED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "count_umbrellas": (count_umbrellas, (
        "How many umbrellas are there?", "Count the umbrellas, please.", "I need the number of umbrellas here.",
        "How many umbrellas can be seen?",
    )),
    "measure_sharpness": (measure_sharpness, (
        "What is the sharpness of the picture?", "Measure the sharpness.", "How high is the sharpness here?",
        "Give me the sharpness of this image.",
    )),
    "identify_bird": (identify_bird, (
        "Which bird is it?", "What bird does the picture show?", "Name the bird.", "Can you tell which bird this is?",
    )),
    "weather_in": (weather_in, (
        "What is the weather here?", "What weather does the picture show?", "Tell me the weather in this image.",
        "How is the weather in the picture?",
    )),
    "detect_language": (detect_language, (
        "Which language is it?", "What language do you hear?", "Name the language of the recording.",
        "Listen and tell me the language.",
    )),
    "heart_rate": (heart_rate, (
        "What is the heart rate?", "Measure the heart rate in the recording.", "How high is the heart rate?",
        "Tell me the heart rate.",
    )),
    "french_word": (french_word, (
        'What is the French word for "chair"?', 'Give me the French word for "lake".', "chair: the French word?",
        'Do you know the French word for "moon"?',
    )),
    "to_kelvin": (to_kelvin, (
        "How much is 37 in kelvin?", "Convert 20 to kelvin.", "What is 95 in kelvin?", "Turn 12 into kelvin, please.",
    )),
}  # fmt: skip
"""Tool -> what it is and how it is asked for."""

_HEARS = ("detect_language", "heart_rate")
_SEES = ("count_umbrellas", "measure_sharpness", "identify_bird", "weather_in")


def evaluate_tools(planner: str = "nano") -> dict[str, Any]:
    """Ask for each held-out tool with it among others, and with all others but without it.

    Returns:
        `right_call` (the first call is of that tool and was accepted) and `says_so` (answered `unanswerable`), each
        `n`, `share` and `ci95`; `failed`, how many runs failed; and every question with what was called.
    """
    rows = list(_rows(load_planner(planner)))
    return {
        "suite": "tools",
        "planner": planner,
        "right_call": _share([row["right"] for row in rows if row["offered"]]),
        "says_so": _share([row["right"] for row in rows if not row["offered"]]),
        "failed": sum(row["status"] == "failed" for row in rows),
        "questions": rows,
    }


def _share(right: list[bool]) -> dict[str, Any]:
    return {"n": len(right), "share": round(sum(right) / len(right), 4), "ci95": wilson(sum(right), len(right))}


def _rows(planner: Any) -> Iterator[dict[str, Any]]:
    """Every question, with its tool and without."""
    known = load_tools(OFFERED)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="agentmm-eval-") as folder:
        for number, (name, (own, questions)) in enumerate(ASKED.items()):
            others = [ASKED[other][0] for other in list(ASKED)[number - 2 : number] if other != name]
            for offered in (True, False):
                tools = [*known, *others, *([own] if offered else [])]
                mixed = [tools[int(i)] for i in rng.permutation(len(tools))]
                with Agent(planner, tools=mixed, home=Path(folder)) as agent:
                    for index, question in enumerate(questions):
                        yield _asked(agent, name, question, index, offered=offered)


def _asked(agent: Agent, name: str, question: str, index: int, *, offered: bool) -> dict[str, Any]:
    """One question, what was called, and whether that was right."""
    answer = agent.ask(question, media=_media(name, index))
    first = answer.steps[0] if answer.steps else None
    called = first["tool"] if first else None
    right = first is not None and called == name and not first["error"] if offered else answer.status == "unanswerable"
    return {
        "tool": name,
        "offered": offered,
        "question": question,
        "called": called,
        "answer": answer.text,
        "status": answer.status,
        "right": right,
    }


def _media(name: str, index: int) -> list[Any]:
    """A scene for tools that see, a tone for those that hear."""
    if name in _SEES:
        return [Image(medium("scene", 2_000_000_000 + index).pixels)]
    if name in _HEARS:
        times = np.arange(16_000, dtype=np.float32) / 16_000
        return [Audio(0.1 * np.sin(2 * np.pi * (200 + 50 * index) * times).astype(np.float32), 16_000)]
    return []
