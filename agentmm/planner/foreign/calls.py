"""The form of a foreign model's calls: what stands around names and arguments, read off its template and parsed back.

Every form is `opening NAME middle ARGUMENTS between NAME middle ARGUMENTS closing`, with the arguments a JSON object,
Python's keyword arguments or tags. Hermes', Mistral's, LFM2's and Qwen 3.5's forms are all of that kind.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentmm.planner.foreign.template import ARGUMENT, NAME, SCHEMA, VALUE, Marks, Template, assistant, user
from agentmm.planner.foreign.template import U as ASKED

OTHER = "qzothercallqz"
_JSON_ARGUMENTS = re.compile(r"\{\s*\"" + ARGUMENT + r"\"\s*:\s*\"" + VALUE + r"\"\s*\}")
_KEYWORDS = re.compile(r"\(\s*" + ARGUMENT + r"\s*=\s*(['\"])" + VALUE + r"\1\s*\)")

_TAGS = re.compile(rf"<parameter={ARGUMENT}>\n{VALUE}\n</parameter>\n")
_TAG = re.compile(r"\s*<parameter=([\w.\-]{1,80})>\n?(.*?)\n?</parameter>", re.DOTALL)

Style = Literal["json", "keywords", "tags"]
_STYLES: dict[Style, re.Pattern[str]] = {"json": _JSON_ARGUMENTS, "keywords": _KEYWORDS, "tags": _TAGS}


@dataclass(frozen=True)
class CallForm:
    """How calls are written.

    Attributes:
        opening: before the first name.
        middle: between a name and its arguments.
        between: between one call's arguments and the next call's name.
        closing: after the last arguments.
        style: `json` for an object, `keywords` for `(name="value", other=2)`, `tags` for `<parameter=name>` and a value
            in lines of their own, text as it is and all else as JSON.
    """

    opening: str
    middle: str
    between: str
    closing: str
    style: Style = "json"

    def written(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Calls as the model writes them."""
        return "".join(self.parts(calls))

    def parts(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """The form's own marks and, between each two of them, a name or arguments; nothing for no calls."""
        told: list[str] = []
        for number, (name, arguments) in enumerate(calls):
            told += [self.between if number else self.opening, name, self.middle, self._arguments(arguments)]
        return [*told, self.closing] if told else []

    def _arguments(self, arguments: Mapping[str, Any]) -> str:
        if self.style == "json":
            return json.dumps(dict(arguments), ensure_ascii=False)
        if self.style == "tags":
            told = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in arguments.items())
            return "".join(f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in told)
        return "(" + ", ".join(f"{name}={value!r}" for name, value in arguments.items()) + ")"

    def read(self, text: str, schemas: Mapping[str, Any] | None = None) -> ReadCalls:
        """Take the calls out of a completion; what begins like one and cannot be read is malformed.

        Args:
            text: the completion.
            schemas: tool -> JSON Schema of its parameters; tells text from numbers where the style does not.
        """
        found, at = ReadCalls(), 0
        while (start := text.find(self.opening.rstrip(), at)) >= 0:
            found.said += text[at:start]
            at = self._run(text, start + len(self.opening.rstrip()), found)
        found.said = (found.said + text[at:]).strip()
        if self.style == "tags":
            found.calls = [(name, _typed(given, (schemas or {}).get(name, {}))) for name, given in found.calls]
        return found

    def _run(self, text: str, at: int, found: ReadCalls) -> int:
        """Calls that follow an opening; where they end. What cannot be read begins with the call that cannot."""
        while True:
            middle = text.find(self.middle.strip() or self._bracket, at)
            name = text[at : max(at, middle)].strip()
            if middle < 0 or not re.fullmatch(r"[\w.\-]{1,80}", name):
                return self._lost(text, at, found)
            parsed = self._parsed(text, middle + len(self.middle.strip()))
            if parsed is None:
                return self._lost(text, at, found)
            arguments, at = parsed
            found.calls.append((name, arguments))
            if not _begins(text, at, self.between):
                return _after(text, at, self.closing) if _begins(text, at, self.closing) else at
            at = _after(text, at, self.between)

    @property
    def _bracket(self) -> str:
        return {"json": "{", "keywords": "(", "tags": "<"}[self.style]

    def _parsed(self, text: str, at: int) -> tuple[dict[str, Any], int] | None:
        """Arguments that begin near `at`, and where they end."""
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            if self.style == "json":
                value, end = json.JSONDecoder().raw_decode(text, at)
            elif self.style == "tags":
                value, end = _tagged(text, at)
            else:
                value, end = _keywords(text, at)
        except (ValueError, SyntaxError):
            return None
        return (value, end) if isinstance(value, dict) else None

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


def form_of(template: Template, marks: Marks) -> CallForm | None:
    """The form that a template writes calls in; None where it writes none, or one of another kind."""
    arguments = {ARGUMENT: VALUE}
    one = _body(template, marks, [(NAME, arguments)])
    two = _body(template, marks, [(NAME, arguments), (OTHER, arguments)])
    if one is None or two is None:
        return None
    for style, pattern in _STYLES.items():
        single, double = pattern.search(one), list(pattern.finditer(two))
        if single is None or len(double) != 2 or NAME not in one[: single.start()]:
            continue
        opening, middle = one[: single.start()].split(NAME, 1)
        opening = opening.rpartition("</think>")[2].lstrip("\n")
        gap = two[double[0].end() : double[1].start()]
        if gap.count(OTHER) == 1 and gap.endswith(OTHER + middle):
            between = gap.split(OTHER)[0]
            return CallForm(opening, middle, between, one[single.end() :], style)
    return None


def _body(template: Template, marks: Marks, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """What the template writes as an assistant's turn of calls, without the turn's own marks."""
    asked = [user(ASKED)]
    whole = template.attempt([*asked, assistant(calls=calls)], [SCHEMA])
    if whole is None:
        return None
    before = template.text(asked, [SCHEMA], generate=True)
    if not whole.startswith(before):
        return None
    return whole.removeprefix(before).removesuffix(marks.assistant[1])


def _begins(text: str, at: int, mark: str) -> bool:
    """Whether a mark stands at a place, spaces around it aside."""
    return bool(mark.strip()) and text[at:].lstrip().startswith(mark.strip())


def _after(text: str, at: int, mark: str) -> int:
    """The place behind a mark that stands there."""
    return text.index(mark.strip(), at) + len(mark.strip())


def _tagged(text: str, at: int) -> tuple[dict[str, Any], int]:
    """`<parameter=a>`, a value, `</parameter>`, any number of times, as a dict of texts, and where it ends.

    Raises:
        ValueError: something else follows.
    """
    given: dict[str, Any] = {}
    while found := _TAG.match(text, at):
        given[found[1]], at = found[2], found.end()
    if not text[at:].lstrip().startswith("</"):
        raise ValueError("the call does not end")
    return given, at


def _typed(given: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Texts of arguments as values: text where the schema takes text, else JSON where they are that."""
    fields = schema.get("properties", {})
    return {name: text if _takes_text(fields.get(name, {})) else _from_json(text) for name, text in given.items()}


def _takes_text(field: Mapping[str, Any]) -> bool:
    kinds = field.get("type", ())
    listed = [kinds] if isinstance(kinds, str) else kinds
    return "string" in listed or "enum" in field or any(_takes_text(one) for one in field.get("anyOf", ()))


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _keywords(text: str, at: int) -> tuple[dict[str, Any], int]:
    """`(a="x", b=2)` as a dict, and where it ends; literals alone.

    Raises:
        ValueError: it is something else.
    """
    for end in (match.end() for match in re.finditer(r"\)", text[at:])):
        try:
            node = ast.parse("f" + text[at : at + end], mode="eval").body
        except SyntaxError:
            continue
        if not isinstance(node, ast.Call) or node.args:
            break
        return {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}, at + end
    raise ValueError("no keyword arguments")
