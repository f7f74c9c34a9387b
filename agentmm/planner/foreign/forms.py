"""The form of calls that a chat template writes, read off what it makes of markers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

from agentmm.planner.foreign.arguments import Style
from agentmm.planner.foreign.calls import CallForm
from agentmm.planner.foreign.slots import counted, filled
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
    Template,
    U,
    assistant,
    result,
    user,
)

_FIRST, _LAST = "qzaaaqz", "qzzzzqz"
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "tool_plan")
"""Where templates look for what is thought before calls."""

_STYLES: dict[Style, re.Pattern[str]] = {
    "json": re.compile(rf"\{{\s*\"{ARGUMENT}\"\s*:\s*\"{VALUE}\"\s*\}}"),
    "keywords": re.compile(rf"\(\s*{ARGUMENT}\s*=\s*(['\"]){VALUE}\1\s*\)"),
    "tags": re.compile(rf"<parameter={ARGUMENT}>\n{VALUE}\n</parameter>\n"),
    "quoted": re.compile(rf"\{{{ARGUMENT}:(?P<quote>[^\s{{}}:,]{{1,20}}){VALUE}(?P=quote)\}}"),
}
_ARGUMENTS = {ARGUMENT: VALUE}


def form_of(template: Template, marks: Marks) -> CallForm | None:
    """The form that a template writes calls in; None where it writes none, or one of another kind.

    Args:
        template: the model's.
        marks: its turns.
    """
    names = (NAME, OTHER, THIRD)
    bodies = [_body(template, marks, [(name, _ARGUMENTS) for name in names[:count]]) for count in (1, 2, 3)]
    for style, pattern in _STYLES.items():
        places = [list(pattern.finditer(body or "")) for body in bodies]
        if [len(found) for found in places] == [1, 2, 3]:
            form = _form(style, [str(body) for body in bodies], places)
            form = form and _completed(form, template, marks)
            return form if form and _usable(form, template) else None
    return None


def _usable(form: CallForm, template: Template) -> bool:
    """Whether calls in a form can be found, and end: something stands before them, and quotes are one token."""
    return bool(form.opening.strip()) and template.first_token(form.quote) == form.quote


def _form(style: Style, bodies: Sequence[str], places: Sequence[Sequence[re.Match[str]]]) -> CallForm | None:
    """The form of one, two and three calls whose arguments stand at these places."""
    (one, _, three), (single, _, triple) = bodies, places
    head = one[: single[0].start()]
    if head.count(NAME) != 1:
        return None
    opening, middle = head.split(NAME)
    opening = opening.rpartition("</think>")[2].lstrip("\n")
    gaps = [three[before.end() : after.start()] for before, after in pairwise(triple)]
    if any(not gap.endswith(name + middle) for gap, name in zip(gaps, (OTHER, THIRD), strict=True)):
        return None
    second, third = (gap.removesuffix(name + middle) for gap, name in zip(gaps, (OTHER, THIRD), strict=True))
    numbered = counted(opening, second, third)
    if numbered is None or NAME in second + third or not three.startswith(one[: single[0].end()]):
        return None
    opening, between, first = numbered
    quote = single[0]["quote"] if style == "quoted" else ""
    closing = one[single[0].end() :]
    return CallForm(opening, middle, between, closing, style, quote, first=first)


def _completed(form: CallForm, template: Template, marks: Marks) -> CallForm | None:
    """The form with what other conversations show of it; None where they contradict it."""
    known = replace(form, ordered=_ordered(template, marks), answer=marks.answer)
    if filled(form.opening) != filled(form.opening, number=1):
        counts = _counts(known, template, marks)
        if counts is None:
            return None
        known = replace(known, counts=counts)
    return _with_thought(known, template, marks)


def _ordered(template: Template, marks: Marks) -> bool:
    """Whether arguments come in the order of the alphabet, however they are given."""
    body = _body(template, marks, [(NAME, {_LAST: VALUE, _FIRST: VALUE})]) or ""
    return -1 < body.find(_FIRST) < body.find(_LAST)


def _counts(form: CallForm, template: Template, marks: Marks) -> Literal["step", "run"] | None:
    """Over what calls are numbered: whether the second step's first has the first number again."""
    before = [user(U), assistant(calls=[(NAME, _ARGUMENTS)]), result(R)]
    body = _body(template, marks, [(OTHER, _ARGUMENTS)], before, first=1)
    head = (body or "").partition(OTHER)[0]
    numbers: dict[Literal["step", "run"], int] = {"step": form.first, "run": form.first + 1}
    return next((over for over, number in numbers.items() if head == filled(form.opening, number=number)), None)


def _with_thought(form: CallForm, template: Template, marks: Marks) -> CallForm:
    """The form with what stands around text before calls, where the template puts none there as it is."""
    plain = _body(template, marks, [(NAME, _ARGUMENTS)], said=A)
    if plain is None or A in plain:
        return form
    opening = filled(form.opening, number=form.first)
    for key in _THOUGHTS:
        body = _body(template, marks, [(NAME, _ARGUMENTS)], more={key: A})
        if body is None or body.count(A) != 1 or body.find(A) > body.find(NAME):
            continue
        before, after = body.partition(NAME)[0].split(A)
        if after.endswith(opening):
            return replace(form, thought=(before, after.removesuffix(opening)))
        if opening == before + after:  # written around no thought as well
            closing = template.first_token(after)
            return replace(form, opening=form.opening.removeprefix(before + closing), thought=(before, closing))
    return replace(form, thought=None)


def _body(
    template: Template,
    marks: Marks,
    calls: Sequence[tuple[str, Mapping[str, Any]]],
    before: Sequence[Mapping[str, Any]] = (),
    *,
    first: int = 0,
    said: str = "",
    more: Mapping[str, Any] | None = None,
) -> str | None:
    """What the template writes as an assistant's turn of calls, without the turn's own marks.

    Args:
        template: the model's.
        marks: its turns.
        calls: (name, arguments).
        before: the conversation; a question where empty.
        first: number of calls in it.
        said: text beside the calls.
        more: further entries of the message.
    """
    asked = list(before) or [user(U)]
    told = template.attempt(asked, [SCHEMA])
    whole = template.attempt([*asked, {**assistant(said, calls, first=first), **(more or {})}], [SCHEMA])
    if whole is None or told is None or not whole.startswith(told):
        return None
    opened = template.text(asked, [SCHEMA], generate=True)
    begun = opened if whole.startswith(opened) else told + marks.turn
    return whole.removeprefix(begun).removesuffix(marks.assistant[1]) if whole.startswith(begun) else None
