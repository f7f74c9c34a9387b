"""What a template writes around tools and their results, for templates that cannot tell a whole episode themselves.

Some drop a picture in a result, or change what they wrote before (thoughts of earlier turns). Between their own marks,
with their own schemas, calls and results, the conversation still only grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentmm.planner.foreign.template import (
    ARGUMENT,
    NAME,
    SCHEMA,
    VALUE,
    A,
    Marks,
    R,
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
    """What stands around the results of one step.

    Attributes:
        opening: before the first.
        between: between two.
        closing: after the last.
    """

    opening: str
    between: str
    closing: str


def results_of(template: Template) -> ResultForm | None:
    """The form that a template writes results in; None where it names their calls in them, or changes their text."""
    calls = [(NAME, {ARGUMENT: VALUE}), (NAME, {ARGUMENT: VALUE})]
    asked = [user(U), assistant(calls=calls)]
    said = [f'{R}"', f'{V}"']
    results = [returned(text, index=index) for index, text in enumerate(said)]
    before, one, two = (template.attempt([*asked, *results[:count]], [SCHEMA]) for count in (0, 1, 2))
    if before is None or one is None or two is None or not (one.startswith(before) and two.startswith(before)):
        return None
    single, double = one.removeprefix(before), two.removeprefix(before)
    if single.count(said[0]) != 1 or any(double.count(text) != 1 for text in said) or NAME in double:
        return None
    opening, closing = single.split(said[0])
    between = double.split(said[0])[1].split(said[1])[0]
    return ResultForm(opening, between, closing) if double == opening + said[0] + between + said[1] + closing else None


def framed(template: Template, marks: Marks, schemas: Sequence[Mapping[str, Any]]) -> Marks | None:
    """The marks with the tools told in them: around the system's text, or before the first turn; None where refused."""
    system = system_marks(template, marks.user[0], schemas)
    told = template.attempt([user(U), assistant(A)], schemas)
    if told is None or (marks.system is not None and system is None):
        return None
    opening = told.split(U)[0].removesuffix(marks.user[0])
    return Marks(opening, marks.user, marks.assistant, system, marks.image, marks.audio)
