"""What a question family is: how its questions are drawn from truth, worded and carried out.

A family says which media it needs, draws the words of a question (its slots) and the accepted answers from their
truth, and gives the gold program for any slots. Knows no picture maker and no wording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from agentmm.world.program import Program

Group = Literal["scene", "document", "code", "multi", "audio", "sound_note", "plain", "sight"]
Kind = Literal["number", "price", "yes_no", "colour", "shape", "size", "picture", "date", "text"]
SlotKind = Literal["thing", "things", "colour", "text", "number", "expression"]
Slots = dict[str, str]
T = TypeVar("T")
Rng = np.random.Generator


@dataclass(frozen=True)
class Draw:
    """One drawn question.

    Attributes:
        slots: what the templates' places hold, in the form that programs use (`red circle`, never plural).
        accepted: the accepted answers; `unanswerable` where it cannot be had.
        others: further answers of the same kind that must not be named beside the right one.
        kind: what the answer is, where that differs from question to question of the family.
    """

    slots: Slots
    accepted: tuple[str, ...]
    others: tuple[str, ...] = ()
    kind: Kind | None = None


@dataclass(frozen=True)
class Family:
    """One family of questions.

    Attributes:
        name: its key in reports and wording files.
        group: the part of the world it belongs to.
        kind: what its answers are, for the scorer.
        needs: the recipe of each medium, alternatives joined by `|`; empty where a question needs none.
        draw: (truths of the media, rng, absent) -> a question, or None where these media allow none; with `absent`
            the question must be one that cannot be answered from them.
        program: (slots, handles of the media) -> the gold program.
        slots: the kind of each slot, which gives the forms a template can use.
        weight: share of the questions, relative to the other families.
        absent: share of its questions that cannot be answered.
    """

    name: str
    group: Group
    kind: Kind
    needs: tuple[str, ...]
    draw: Callable[[Sequence[Any], Rng, bool], Draw | None]
    program: Callable[[Slots, Sequence[str]], Program]
    slots: dict[str, SlotKind] = field(default_factory=dict)
    weight: float = 1.0
    absent: float = 0.0


UNANSWERABLE = ("unanswerable",)
"""The accepted answers of a question that cannot be answered."""


def yes_no(truth: bool) -> tuple[str, ...]:
    """`("yes",)` or `("no",)`."""
    return ("yes",) if truth else ("no",)


def said(truth: bool) -> str:
    """`yes` or `no`."""
    return "yes" if truth else "no"


def choose(rng: Rng, options: Sequence[Any]) -> Any:
    """One of the options by chance; None where there is none."""
    return options[int(rng.integers(len(options)))] if options else None


def balanced(rng: Rng, options: Sequence[T], answer: Callable[[T], Any]) -> T | None:
    """One of the options, so that their different answers are equally likely; None where there is none."""
    by_answer: dict[Any, list[T]] = {}
    for option in options:
        by_answer.setdefault(answer(option), []).append(option)
    return choose(rng, choose(rng, [by_answer[key] for key in sorted(by_answer, key=str)]) or [])
