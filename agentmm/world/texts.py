"""Text and captions of the practice world, for the stages before traces: plain lines, and pictures with captions.

Lines look like what an episode holds: questions, calls, observations, captions, answers. Knows no tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from agentmm.world.codes import CodePicture, code_caption
from agentmm.world.documents import Document, document_caption
from agentmm.world.program import Call, advance
from agentmm.world.sample import Question, sample_questions
from agentmm.world.scenes import Scene, Shape, scene_caption
from agentmm.world.sources import SPLITS, Medium, media_seed, medium

_CAPTIONED = (("scene", 0.55), ("receipt", 0.09), ("invoice", 0.06), ("sign", 0.09), ("label", 0.06), ("table", 0.05),
              ("chart", 0.05), ("code", 0.05))  # fmt: skip
_LISTED = 12
_BEYOND_QUESTIONS = 500_000

Rng = np.random.Generator


def caption(truth: Any, rng: Rng) -> str | None:
    """A short true sentence about a picture; None for pictures that nobody describes."""
    if isinstance(truth, Scene):
        return scene_caption(truth, rng)
    if isinstance(truth, Document):
        return document_caption(truth, rng)
    return code_caption(truth, rng) if isinstance(truth, CodePicture) else None


def caption_examples(split: str, n: int, seed: int = 0) -> Iterator[tuple[np.ndarray, str]]:
    """Pictures, uint8 [H, W, 3], with captions; the same for the same arguments.

    Args:
        split: `train`, `val` or `test`; their pictures differ.
        n: how many.
        seed: another seed gives other pictures.
    """
    rng = np.random.default_rng([7, SPLITS.index(split), seed])
    names, shares = [name for name, _ in _CAPTIONED], np.cumsum([share for _, share in _CAPTIONED])
    for _ in range(n):
        name = names[min(int(np.searchsorted(shares, rng.random())), len(names) - 1)]
        truth = medium(name, media_seed(split, rng)).truth
        yield truth.pixels, caption(truth, rng) or name


def text_lines(n: int, seed: int = 0) -> Iterator[str]:
    """Lines of text as episodes of the training split hold them: questions, calls, observations, captions, answers."""
    rng = np.random.default_rng([11, seed])
    made = 0
    for question in sample_questions("train", n, _BEYOND_QUESTIONS + seed):
        for line in _lines(question, rng):
            made += 1
            yield line
            if made >= n:
                return


def _lines(question: Question, rng: Rng) -> Iterator[str]:
    yield question.text
    calls = advance(question.program, [])
    if not isinstance(calls, str):
        yield "\n".join(map(call_line, calls))
    for part in question.media:
        told = caption(part.truth, rng)
        yield from [told] if told else []
        seen = _seen(part, rng)
        yield from [json.dumps(seen, ensure_ascii=False)] if seen else []
    yield f"{question.text} {question.accepted[0]}"


def call_line(call: Call) -> str:
    """A call as planners write it, without its tags: `{"name": "detect", "arguments": {"image": "image_1"}}`."""
    return json.dumps({"name": call.tool, "arguments": call.arguments}, ensure_ascii=False)


def _seen(part: Medium, rng: Rng) -> dict[str, Any] | None:
    """Something like what an expert says of a picture."""
    if isinstance(part.truth, Scene):
        return _things(part.truth, rng)
    if isinstance(part.truth, Document):
        printed = [f"region_{i} {line}" for i, line in enumerate(part.truth.lines, 1)]
        return {"count": len(printed), "lines": printed}
    return None


def _things(scene: Scene, rng: Rng) -> dict[str, Any]:
    """The things of a scene, or those of one colour or shape, from left to right."""
    wanted = scene.shapes[int(rng.integers(len(scene.shapes)))] if scene.shapes and rng.random() < 0.7 else None
    kept = [s for s in scene.shapes if wanted is None or s.shape == wanted.shape]
    listed = [_thing(i, s) for i, s in enumerate(sorted(kept, key=lambda s: s.centre), 1)]
    return {"count": len(kept), "found": listed[:_LISTED]}


def _thing(number: int, shape: Shape) -> str:
    x, y = shape.centre
    return f"region_{number} {shape.name} {shape.size} {x:.0f},{y:.0f}"
