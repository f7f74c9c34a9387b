"""Tools that know the truth: what each would return if it never erred. For tests of gold programs alone."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

from agentmm.tools.calculate import calculate
from agentmm.world.families.several import BOARDS
from agentmm.world.families.things import has
from agentmm.world.program import Call, advance, said_aloud
from agentmm.world.sample import Question, handles_of
from agentmm.world.sources import Medium


def detect(medium: Medium, what: str = "") -> dict[str, Any]:
    scene = medium.truth
    shapes = sorted((s for s in scene.shapes if has(s, what)), key=lambda s: s.centre)
    words = [f"{s.colour} {s.shape} {s.size} {s.centre[0]:.0f},{s.centre[1]:.0f}" for s in shapes]
    seen = {"count": len(words), "found": [f"region_{i} {line}" for i, line in enumerate(words[:12], 1)]}
    return seen if what else {"count": len(words), **_tallies(shapes), **seen}


def _tallies(shapes: list[Any]) -> dict[str, Any]:
    def tally(part: str) -> dict[str, int]:
        return dict(sorted(Counter(getattr(s, part) for s in shapes).items(), key=lambda p: (-p[1], p[0])))

    return {"labels": tally("shape"), "colours": tally("colour")}


def read_text(medium: Medium) -> dict[str, Any]:
    lines = medium.truth.lines
    return {"count": len(lines), "lines": [f"region_{i} {line}" for i, line in enumerate(lines, 1)]}


def describe_media(medium: Medium) -> dict[str, Any]:
    height, width = medium.pixels.shape[:2]
    return {"kind": "image", "width": width, "height": height}


def measure_colour(medium: Medium) -> dict[str, Any]:
    return {"colour": BOARDS[tuple(medium.truth.look.paper)], "rgb": [0, 0, 0], "share": 0.9}


def read_code(medium: Medium) -> dict[str, Any]:
    codes = getattr(medium.truth, "codes", (medium.truth,))
    return {"count": len(codes), "codes": [f"region_{i} {c.kind} {c.payload}" for i, c in enumerate(codes, 1)]}


def transcribe(medium: Medium) -> dict[str, Any]:
    return {"text": medium.truth.text}


TOOLS = {
    "detect": detect,
    "read_text": read_text,
    "describe_media": describe_media,
    "measure_colour": measure_colour,
    "read_code": read_code,
    "transcribe": transcribe,
}


def answer(question: Question, fail: dict[str, int] | None = None, empty: str = "") -> tuple[str, list[list[Call]]]:
    """Carry out a gold program; `fail` counts how often a tool fails first, `empty` names one that finds nothing.

    Returns:
        The answer and the calls of each step.
    """
    left = dict(fail or {})
    media = dict(zip(handles_of([m.kind for m in question.media]), question.media, strict=True))
    history: list[list[dict[str, Any]]] = []
    steps: list[list[Call]] = []
    while True:
        calls = advance(question.program, history)
        if isinstance(calls, str):
            return said_aloud(calls), steps
        assert calls, f"{question.family}: an empty step"
        steps.append(calls)
        assert len(steps) < 8, f"{question.family}: too many steps"
        history.append([_observe(call, media, left, empty) for call in calls])


def _observe(call: Call, media: dict[str, Medium], left: dict[str, int], empty: str) -> dict[str, Any]:
    if left.get(call.tool, 0) > 0:
        left[call.tool] -= 1
        return {"error": f"{call.tool} did not work"}
    if call.tool == "calculate":
        return calculate.call(**call.arguments).value
    if call.tool == "rotate":
        return _rotate(media, **call.arguments)
    if call.tool == empty:
        return {
            "detect": {"count": 0, "found": []},
            "read_text": {"count": 0, "lines": []},
            "read_code": {"count": 0, "codes": []},
            "transcribe": {"text": ""},
        }[call.tool]
    arguments = {k: media.get(v, v) if isinstance(v, str) else v for k, v in call.arguments.items()}
    return TOOLS[call.tool](*arguments.values())


def _rotate(media: dict[str, Medium], image: str, degrees: float) -> dict[str, Any]:
    """The page that a turned page is, as a further picture of the episode."""
    turned = media[image].truth
    assert degrees == turned.degrees
    handle = f"image_{1 + sum(name.startswith('image') for name in media)}"
    media[handle] = cast(Medium, SimpleNamespace(kind="image", truth=turned.page, pixels=turned.page.pixels))
    return {"image": handle}
