"""What a template writes around tools and their results, for templates that cannot tell a whole episode themselves.

Some drop a picture in a result, or change what they wrote before (thoughts of earlier turns). Between their own marks,
with their own schemas, calls and results, the conversation still only grows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentmm.planner.foreign.calls import CallForm
from agentmm.planner.foreign.slots import CALLED, NUMBER, counted
from agentmm.planner.foreign.template import (
    ARGUMENT,
    NAME,
    OTHER,
    SCHEMA,
    THIRD,
    VALUE,
    A,
    Marks,
    R,
    S,
    Template,
    U,
    V,
    assistant,
    system_marks,
    user,
)
from agentmm.planner.foreign.template import result as returned


@dataclass(frozen=True)
class ResultForm:
    """What stands around the results of one step; the marks may have slots for a call's name and number (`slots`).

    Attributes:
        opening: before the first.
        between: between two.
        closing: after the last.
        quoted: whether texts are written as in a JSON string.
        reply: what opens the assistant's turn after them; None where it is opened as always.
        first: the first number.
    """

    opening: str
    between: str
    closing: str
    quoted: bool = False
    reply: str | None = None
    first: int = 0

    @property
    def counts(self) -> bool:
        """Whether results tell the numbers of their calls."""
        return NUMBER in self.opening

    def text(self, said: str) -> str:
        """What a tool said, as it stands in its result."""
        return json.dumps(said, ensure_ascii=False)[1:-1] if self.quoted else said


_NAMES = (NAME, OTHER, THIRD)
_SAID = tuple(f'{mark}"\n<é{mark}' for mark in (R, V, S))
"""Results with what JSON, HTML or ASCII would write otherwise."""


def results_of(template: Template) -> ResultForm | None:
    """The form that a template writes results in; None where it changes their text otherwise than JSON does."""
    calls = [(name, {ARGUMENT: VALUE}) for name in _NAMES]
    asked = [user(U), assistant(calls=calls)]
    results = [
        returned(text, name=name, index=index) for index, (name, text) in enumerate(zip(_NAMES, _SAID, strict=True))
    ]
    told = [template.attempt([*asked, *results[:count]], [SCHEMA]) for count in range(4)]
    if any(text is None for text in told):
        return None
    before, *after = (str(text) for text in told)
    if not all(text.startswith(before) for text in after):
        return None
    form = ResultForm("", "", "", quoted=_SAID[0] not in after[0])
    cut = [_cut(text.removeprefix(before), form, count) for count, text in enumerate(after, 1)]
    if any(parts is None for parts in cut):
        return None
    (opening, closing), (_, second, _), (first, between, third, end) = (list(parts or ()) for parts in cut)
    numbered = counted(opening, between, third)
    if numbered is None or first != opening or end != closing or second != between:
        return None
    opened = template.text([*asked, results[0]], [SCHEMA], generate=True)
    reply = opened.removeprefix(after[0]) if opened.startswith(after[0]) else None
    return ResultForm(numbered[0], numbered[1], closing, form.quoted, reply, numbered[2])


def _cut(text: str, form: ResultForm, count: int) -> list[str] | None:
    """What stands before, between and after so many results, with slots for their names; None where they are lost."""
    parts: list[str] = []
    for name, said in zip(_NAMES[:count], map(form.text, _SAID), strict=False):
        if text.count(said) != 1:
            return None
        before, text = text.split(said)
        parts.append(before.replace(name, CALLED))
    parts.append(text)
    return None if any(name in part for part in parts for name in _NAMES) else parts


def settled(template: Template, marks: Marks, form: CallForm) -> tuple[CallForm, ResultForm | None] | None:
    """A form of calls with that of their results; None where they do not go together.

    Where the template leaves a turn open for the results of its calls, the token that opens them is what the model ends
    its calls with.
    """
    results = results_of(template)
    if results is not None and results.counts and (results.first, True) != (form.first, bool(form.counts)):
        results = None
    called = template.text([user(U), assistant(calls=[(NAME, {ARGUMENT: VALUE})])], [SCHEMA])
    if not marks.assistant[1] or called.endswith(marks.assistant[1]):
        return form, results
    if results is None:
        return None
    waits = template.last_token(form.closing)
    if waits and results.between.endswith(waits + results.opening):
        return replace(form, closing=form.closing.removesuffix(waits), waits=waits), results
    waits = template.first_token(results.opening)
    return (
        (replace(form, waits=waits), replace(results, opening=results.opening.removeprefix(waits))) if waits else None
    )


def framed(template: Template, marks: Marks, schemas: Sequence[Mapping[str, Any]]) -> Marks | None:
    """The marks with the tools told in them: around the system's text, or before the first turn; None where refused."""
    system = system_marks(template, marks.user[0], schemas)
    told = template.attempt([user(U), assistant(A)], schemas)
    if told is None or (marks.system is not None and system is None):
        return None
    opening = told.split(U)[0].removesuffix(marks.user[0])
    return Marks(opening, marks.user, marks.assistant, system, marks.image, marks.audio)
