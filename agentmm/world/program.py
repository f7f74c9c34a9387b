"""Gold programs: what a perfect planner does, written as a generator over steps.

A program yields the calls of one step (those in one list may run in parallel), receives what each returned (parsed
JSON, in the order of the calls; a failed call is `{"error": "one line"}`) and returns the final answer. It is a
function of what it was shown and of nothing else, so a planner can run it again over a history. A thought, before a
call or before the answer, holds what these are made from. Knows no question, tool, model or graph.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Observation = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One tool call.

    Attributes:
        tool: its name.
        arguments: media as handles (`image_1`).
        thought: what is thought before the step; that of a step's first call counts.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    thought: str = ""


Program = Generator[list[Call], list[Observation], str]
ProgramFactory = Callable[[], Program]
Several = Generator[list[Call], list[Observation], list[Observation]]
One = Generator[list[Call], list[Observation], Observation]


class CallFailed(Exception):
    """A call failed twice; `guarded` turns it into the honest answer. Never leaves a guarded program."""

    def __init__(self, tool: str) -> None:
        super().__init__(tool)
        self.tool = tool


def several(calls: Sequence[Call]) -> Several:
    """Make calls in one step and try the failed ones once more.

    Returns:
        The observations, in the order of the calls.

    Raises:
        CallFailed: a call failed twice.
    """
    seen = list((yield list(calls)))
    failed = [i for i, observation in enumerate(seen) if "error" in observation]
    if failed:
        again = yield [calls[i] for i in failed]
        for i, observation in zip(failed, again, strict=True):
            seen[i] = observation
    for call, observation in zip(calls, seen, strict=True):
        if "error" in observation:
            raise CallFailed(call.tool)
    return seen


def one(tool: str, **arguments: Any) -> One:
    """Make one call, as `several` does; returns its observation."""
    (seen,) = yield from several([Call(tool, arguments)])
    return seen


def thinking(thought: str, tool: str, **arguments: Any) -> One:
    """Make one call after a thought that holds what its arguments are made from: `[region_2] 4.50 [region_5] 12.00`."""
    (seen,) = yield from several([Call(tool, arguments, thought)])
    return seen


def noting(thought: str, program: Program) -> Program:
    """A program whose first step comes after a thought: what the planner sees, where that decides what it does."""
    try:
        first, *others = next(program)
        seen = yield [replace(first, thought=thought), *others]
        while True:
            seen = yield program.send(seen)
    except StopIteration as end:
        return str(end.value)


def guarded(program: Program) -> Program:
    """Answer `unanswerable: TOOL failed` where the program meets a call that failed twice."""
    try:
        return (yield from program)
    except CallFailed as failure:
        return f"unanswerable: {failure.tool} failed"


def advance(factory: ProgramFactory, history: Iterable[list[Observation]]) -> list[Call] | str:
    """Run a program from its start over what its steps have returned so far.

    Args:
        factory: makes a fresh program.
        history: for each finished step, the observations of its calls.

    Returns:
        The calls of the next step, or the final answer.
    """
    program = factory()
    try:
        calls = next(program)
        for observations in history:
            calls = program.send(observations)
    except StopIteration as end:
        return "" if end.value is None else str(end.value)
    return calls


def missing(what: str) -> str:
    """The answer where the asked thing is not there: `unanswerable: no red circle found`."""
    return f"unanswerable: no {what} found"


def concluded(thought: str, answer: str) -> str:
    """An answer after a thought that holds what it follows from: `<think>4 > 5</think>no`."""
    return f"<think>{thought}</think>{answer}"


def said_aloud(answer: str) -> str:
    """An answer without its thought."""
    return answer.rpartition("</think>")[2]


def cited(answer: str, *handles: str) -> str:
    """An answer after the regions that decide it: `[region_2] red`.

    The region comes first: who has named the line reads the answer off it (`docs/log.md`, cite first).
    """
    return " ".join([*(f"[{handle}]" for handle in handles), answer])
