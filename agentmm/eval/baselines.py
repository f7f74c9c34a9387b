"""The three baselines without shame: what a suite is worth shows in how little they reach.

They see what a planner sees, think nothing, and are scored by the same rule.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from agentmm.errors import ToolError
from agentmm.eval.running import Outcome, as_media
from agentmm.eval.score import is_right
from agentmm.tool import Tool
from agentmm.tool.cache import ResultCache
from agentmm.world.sample import Question, sample_questions

TRAINING_QUESTIONS, OF_EACH = 1600, 40
"""Most training questions out of which each family's most frequent answer is taken, and how many of each family."""

LIMIT = 0.20
"""A baseline above it says that a family is too easy."""


def all_text(question: Question, reader: Any, cache: ResultCache) -> str:
    """Everything that `read_text` finds in the question's pictures."""
    return " ".join(
        line for medium in question.media if medium.kind == "image" for line in _lines(medium, reader, cache)
    )


def _lines(medium: Any, reader: Tool, cache: ResultCache) -> list[str]:
    try:
        found = cache.call(reader, {"image": as_media(medium)}).value
    except ToolError:
        return []
    return [str(getattr(line, "text", line)) for line in found.get("lines", [])]


@lru_cache(maxsize=4)
def frequent_answers(families: tuple[str, ...]) -> dict[str, str]:
    """Family -> its most frequent accepted answer among training questions."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for question in sample_questions("train", min(TRAINING_QUESTIONS, OF_EACH * len(families)), 0, families=families):
        counted[question.family][question.accepted[0]] += 1
    return {family: answers.most_common(1)[0][0] for family, answers in counted.items()}


def score_baselines(
    questions: Sequence[Question], oracle: Sequence[Outcome], reader: Tool | None, cache: ResultCache
) -> dict[str, list[bool]]:
    """Right or wrong, by question, of each baseline.

    Args:
        questions: the sample.
        oracle: the oracle's outcomes, whose last results are repeated.
        reader: the tool that reads text; None leaves that baseline out.
        cache: its kept results.
    """
    frequent = frequent_answers(tuple(sorted({question.family for question in questions})))
    said = {
        "most_frequent_answer": [frequent.get(question.family, "") for question in questions],
        "last_tool_result": [outcome.last for outcome in oracle],
    }
    if reader is not None:
        said["all_text"] = [all_text(question, reader, cache) for question in questions]
    return {name: list(_scored(questions, answers)) for name, answers in said.items()}


def _scored(questions: Sequence[Question], answers: Iterable[str]) -> Iterable[bool]:
    for question, answer in zip(questions, answers, strict=True):
        yield is_right(answer, question.accepted, question.kind, question.others)
