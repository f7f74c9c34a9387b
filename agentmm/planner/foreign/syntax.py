"""A foreign model's way to write calls and answers as a grammar over its own tokens."""

from __future__ import annotations

import json

from agentmm.planner.constrain import MAX_CALLS, Syntax
from agentmm.planner.foreign.calls import CallForm
from agentmm.planner.foreign.slots import filled
from agentmm.planner.foreign.spelling import Spelling

ANSWER_CHARACTERS = 1600
"""Longest answer."""

SAID_CHARACTERS = 600
"""Longest text before calls."""

_LETTER = r"([^<\x00-\x08\x0b-\x1f]|<[ 0-9=(.\-])"
_THOUGHT = r"([^<]|<[^\/]){0,8000}"
_FIRST = r"([^<\x00-\x20]|<[ 0-9=(.\-])"


def syntax_of(form: CallForm, spelling: Spelling, *, thinks: bool = False, made: int = 0) -> Syntax:
    """The syntax of a form, its special tokens as ids: text alone cannot be one.

    Args:
        form: how calls are written.
        spelling: the model's tokenizer.
        thinks: whether the template opens a thought, which the model closes by `</think>`.
        made: calls that were made in the run before, for forms that number them.
    """
    between = [_mark(filled(form.between, number=form.number(at, made)), spelling) for at in range(1, MAX_CALLS)]
    said = rf"[ \n]{{0,2}}{_FIRST}{_LETTER}{{0,{SAID_CHARACTERS}}}"
    return Syntax(
        opening=_mark(filled(form.opening, number=form.number(0, made)), spelling),
        middle=_mark(form.middle, spelling),
        between=tuple(between) if form.counts else between[0],
        closing=_mark(form.closing + form.waits, spelling),
        answer=rf"[ \n]{{0,2}}{_FIRST}{_LETTER}{{0,{ANSWER_CHARACTERS}}}",
        said=None if form.thought is None else said,
        style=form.style,
        lead=rf"/{_THOUGHT}<\/think>\n{{0,2}}/ " if thinks else "",
        quote=_mark(form.quote, spelling),
        ordered=form.ordered,
        around_said=_pair(form.thought or ("", ""), spelling),
        around_answer=_pair(form.answer, spelling),
    )


def _pair(marks: tuple[str, str], spelling: Spelling) -> tuple[str, str]:
    """Marks as Lark expressions, empty ones left empty."""
    first, last = (_mark(mark, spelling) if mark else "" for mark in marks)
    return first, last


def _mark(text: str, spelling: Spelling) -> str:
    """A mark as a Lark expression."""
    parts = [json.dumps(part) if number is None else f"<[{number}]>" for part, number in spelling.special(text)]
    return " ".join(parts) or '""'
