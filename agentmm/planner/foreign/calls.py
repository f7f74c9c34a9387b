"""The form of a foreign model's calls and answers: what stands around names, arguments and text; written and read back.

Every form is `opening NAME middle ARGUMENTS between NAME middle ARGUMENTS closing`. Hermes', Mistral's, LFM2's,
Qwen 3.5's, Gemma's and Cohere's forms are all of that kind; `forms.py` reads them off templates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentmm.planner.foreign.arguments import Parts, Style, parts_of, read_at, typed
from agentmm.planner.foreign.slots import filled, pattern_of
from agentmm.planner.letters import storable


@dataclass(frozen=True)
class CallForm:
    """How calls are written. `opening` and `between` may have a slot for the call's number (`slots.NUMBER`).

    Attributes:
        opening: before the first name.
        middle: between a name and its arguments.
        between: between one call's arguments and the next call's name.
        closing: after the last arguments.
        style: of the arguments.
        quote: what stands around strings, where the style is `quoted`.
        ordered: whether arguments stand in the order of the alphabet.
        waits: what ends the calls in place of an end of turn: their results and what follows belong to the same turn.
        thought: around text before calls; None where no text can stand there.
        answer: around an answer.
        counts: over what calls are numbered: a `step`, the whole `run`, or not at all.
        first: the first number.
    """

    opening: str
    middle: str
    between: str
    closing: str
    style: Style = "json"
    quote: str = ""
    ordered: bool = False
    waits: str = ""
    thought: tuple[str, str] | None = ("", "")
    answer: tuple[str, str] = ("", "")
    counts: Literal["", "step", "run"] = ""
    first: int = 0

    def number(self, index: int, made: int) -> int:
        """The number of a step's call, `made` calls having been made in the run before."""
        return self.first + index + (made if self.counts == "run" else 0)

    def written(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Calls as the model writes them."""
        return "".join(text for text, _ in self.parts(calls))

    def parts(self, calls: Sequence[tuple[str, Mapping[str, Any]]], said: str = "", made: int = 0) -> Parts:
        """What the model writes in a turn: (text, whether it is the form's own mark).

        Args:
            calls: (name, arguments).
            said: the answer, or what stands before the calls; left out where no text can stand there.
            made: calls that were made in the run before.
        """
        around = self.thought if calls else self.answer
        if said and around is not None:
            yield from ((around[0], True), (said, False), (around[1], True))
        for index, (name, arguments) in enumerate(calls):
            yield filled(self.between if index else self.opening, number=self.number(index, made)), True
            yield name, False
            yield self.middle, True
            names = sorted(arguments, key=str.lower) if self.ordered else arguments
            yield from parts_of({name: arguments[name] for name in names}, self.style, self.quote)
        if calls:
            yield self.closing, True

    def read(self, text: str, schemas: Mapping[str, Any] | None = None) -> ReadCalls:
        """Take the calls out of a completion, `storable`; what begins like one and cannot be read is malformed.

        Args:
            text: the completion.
            schemas: tool -> JSON Schema of its parameters; tells text from numbers where the style does not.
        """
        found, at = ReadCalls(), 0
        opening = pattern_of(self.opening) if self.opening.strip() else _NOTHING
        while (start := opening.search(text, at)) is not None:
            found.said += text[at : start.start()]
            at = self._run(text, start.end(), found)
        found.said = self._bare((found.said + text[at:]).strip(), called=bool(found.calls or found.malformed))
        if self.style == "tags":
            found.calls = [(name, typed(given, (schemas or {}).get(name, {}))) for name, given in found.calls]
        return found

    def _bare(self, said: str, *, called: bool) -> str:
        """What was said, without the form's own marks; without calls, what stands between the marks of an answer."""
        begin, end = (mark.strip() for mark in self.answer)
        if not called and begin and begin in said:
            said = said.partition(begin)[2]
            return (said.partition(end)[0] if end else said).strip()
        return " ".join(filter(None, (_without(part, begin, end) for part in self._parted(said, called=called))))

    def _parted(self, said: str, *, called: bool) -> tuple[str, str]:
        """The thought in front, its marks taken off, and the rest; no thought is empty."""
        begin, end = (mark.strip() for mark in self.thought or ("", ""))
        # without a mark of its own, a thought is in front of calls alone; `<think>` is taken apart by who reads on
        marked = said.startswith(begin) if begin else called and end in said and end != "</think>"
        if not (end and marked):
            return "", said.removeprefix(begin)
        thought, _, rest = said.removeprefix(begin).partition(end)
        return thought.strip(), rest.strip()

    def _run(self, text: str, at: int, found: ReadCalls) -> int:
        """Calls that follow an opening; where they end. What cannot be read begins with the call that cannot."""
        while True:
            middle = text.find(self.middle.strip() or self._bracket, at)
            name = text[at : max(at, middle)].strip()
            if middle < 0 or not re.fullmatch(r"[\w.\-]{1,80}", name):
                return self._lost(text, at, found)
            parsed = read_at(text, middle + len(self.middle.strip()), self.style, self.quote)
            if parsed is None:
                return self._lost(text, at, found)
            arguments, at = parsed
            found.calls.append((name, storable(arguments)))
            after = _after(text, at, self.between)
            if after is None:
                return _after(text, at, self.closing) or at
            at = after

    @property
    def _bracket(self) -> str:
        return {"json": "{", "keywords": "(", "tags": "<", "quoted": "{"}[self.style]

    def _lost(self, text: str, at: int, found: ReadCalls) -> int:
        end = text.find(self.closing.strip(), at) if self.closing.strip() else -1
        end = len(text) if end < 0 else end + len(self.closing.strip())
        found.malformed.append(text[at:end])
        return end


@dataclass
class ReadCalls:
    """Calls of a completion, the text beside them, and what could not be read."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    said: str = ""


HERMES = CallForm(
    '<tool_call>\n{"name": "', '", "arguments": ', '}\n</tool_call>\n<tool_call>\n{"name": "', "}\n</tool_call>"
)
"""What models are asked for where their template has no form of its own."""


_NOTHING = re.compile("(?!)")


def _without(said: str, begin: str, end: str) -> str:
    """A text without marks at its ends."""
    return said.removeprefix(begin).removesuffix(end).strip()


def _after(text: str, at: int, mark: str) -> int | None:
    """The place behind a mark that stands at a place, spaces around it aside; None where it does not."""
    begin = at + len(text[at:]) - len(text[at:].lstrip())
    found = pattern_of(mark).match(text, begin) if mark.strip() else None
    return None if found is None else found.end()
