"""A foreign model's way to write calls and answers as a grammar over its own tokens."""

from __future__ import annotations

import json

from agentmm.planner.constrain import Syntax
from agentmm.planner.foreign.calls import CallForm
from agentmm.planner.foreign.spelling import Spelling

ANSWER_CHARACTERS = 1600
"""Longest answer."""

SAID_CHARACTERS = 600
"""Longest text before calls."""

_LETTER = r"([^<\x00-\x08\x0b-\x1f]|<[ 0-9=(.\-])"
_THOUGHT = r"([^<]|<[^\/]){0,8000}"
_FIRST = r"([^<\x00-\x20]|<[ 0-9=(.\-])"


def syntax_of(form: CallForm, spelling: Spelling, *, thinks: bool = False) -> Syntax:
    """The syntax of a form, its special tokens as ids: text alone cannot be one.

    Args:
        form: how calls are written.
        spelling: the model's tokenizer.
        thinks: whether the template opens a thought, which the model closes by `</think>`.
    """
    return Syntax(
        opening=_mark(form.opening, spelling),
        middle=_mark(form.middle, spelling),
        between=_mark(form.between, spelling),
        closing=_mark(form.closing, spelling),
        answer=rf"[ \n]{{0,2}}{_FIRST}{_LETTER}{{0,{ANSWER_CHARACTERS}}}",
        said=rf"[ \n]{{0,2}}{_FIRST}{_LETTER}{{0,{SAID_CHARACTERS}}}",
        style=form.style,
        lead=rf"/{_THOUGHT}<\/think>\n{{0,2}}/ " if thinks else "",
    )


def _mark(text: str, spelling: Spelling) -> str:
    """A mark as a Lark expression."""
    parts = [json.dumps(part) if number is None else f"<[{number}]>" for part, number in spelling.special(text)]
    return " ".join(parts) or '""'
