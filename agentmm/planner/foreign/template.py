"""A foreign chat template, found out by rendering markers: what it shows, and the marks between which its turns stand.

Nothing here knows a family by name. A template that drops tool schemas, calls or results, or that raises, still has
turns; between its own marks the conversation is written in Hermes form (`agentmm/planner/foreign/wire.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from textwrap import shorten
from typing import Any

from agentmm.errors import PlannerError

Message = Mapping[str, Any]

U, A, V, S, R = "qzuserqz", "qzanswerqz", "qzagainqz", "qzsystemqz", "qzresultqz"
TOOL, ARGUMENT, NAME, VALUE = "qztoolqz", "qzargumentqz", "qzcallqz", "qzvalueqz"
OTHER, THIRD = "qzothercallqz", "qzthirdcallqz"
"""Markers: words that no template writes by itself."""


class Template:
    """A processor's chat template as a function from messages to text.

    Args:
        processor: with `apply_chat_template`, or with a tokenizer that has it.
        hears: whether the model has an encoder for sound; it counts only where the processor makes features of sound.

    Attributes:
        sees: whether the processor makes pixels of pictures.
        hears: whether it makes features of sound, and the model reads them.

    Raises:
        PlannerError: there is no template, it cannot be read, or it cannot render one user turn.
    """

    def __init__(self, processor: Any, *, hears: bool = True) -> None:
        tokenizer = getattr(processor, "tokenizer", processor)
        found = next((one for one in (processor, tokenizer) if getattr(one, "chat_template", None)), None)
        if found is None:
            raise PlannerError(
                "the model has no chat template",
                got=type(processor).__name__,
                mend="a chat_template.jinja in its folder",
            )
        self._own = found
        self.sees = getattr(processor, "image_processor", None) is not None
        self.hears = hears and getattr(processor, "feature_extractor", None) is not None
        tokens = sorted((str(token) for token in tokenizer.added_tokens_decoder.values()), key=len, reverse=True)
        self._token = re.compile("|".join(map(re.escape, tokens)) or "(?!)")
        self._strings: set[str] = set()
        self._bare = False
        called = {**assistant(calls=[(NAME, {ARGUMENT: VALUE})]), "content": ""}
        self._bare = self.attempt([user(U), called, result(R)]) is not None
        self._strings = {role for role, before in _ROLES.items() if self._wants_string(role, before)}
        self.text([user(U)])

    def _wants_string(self, role: str, before: Sequence[Message]) -> bool:
        """Whether a role's content must be a string: a list of parts is lost or shown as Python writes it."""
        shown = self.attempt(
            [*before, {"role": role, "content": [_block(A)]}, *([user(U)] if role == "system" else [])]
        )
        return shown is not None and (A not in shown or "{'type'" in shown or '{"type"' in shown)

    def _takes_text(self, message: Message) -> bool:
        """Whether a message's content is given as one string; where nothing was said beside calls, an empty one."""
        silent = message.get("tool_calls") and not any(part.get("text") for part in message["content"])
        return message["role"] in self._strings or bool(self._bare and silent)

    def text(self, messages: Sequence[Message], tools: Sequence[Any] | None = None, *, generate: bool = False) -> str:
        """The rendered conversation.

        Raises:
            PlannerError: the template cannot be read, or refuses it; the message is the template's own.
        """
        shown = [_flat(message) if self._takes_text(message) else message for message in messages]
        try:
            return str(
                self._own.apply_chat_template(
                    shown, tools=list(tools) if tools else None, add_generation_prompt=generate, tokenize=False
                )
            )
        except Exception as error:  # a template may raise anything
            said = shorten(str(error) or type(error).__name__, 240, placeholder=" ...")
            unread = any(kind.__name__ == "TemplateSyntaxError" for kind in type(error).__mro__)
            why = f"cannot be read: line {getattr(error, 'lineno', '?')}" if unread else "refuses the conversation"
            raise PlannerError(
                f"the model's chat template {why}: {said}",
                mend="the chat_template.jinja of its maker",
            ) from error

    def tokens_of(self, text: str) -> str:
        """A text from its first token of the model's own to its last; empty where it has none."""
        found = [token.span() for token in self._token.finditer(text)]
        return text[found[0][0] : found[-1][1]] if found else ""

    def first_token(self, text: str) -> str:
        """The token of the model's own that a text begins with; empty where it begins with none."""
        found = self._token.match(text)
        return found[0] if found is not None else ""

    def last_token(self, text: str) -> str:
        """The token of the model's own that a text ends with; empty where it ends with none."""
        last = [found for found in self._token.finditer(text)][-1:]
        return last[0][0] if last and last[0].end() == len(text) else ""

    def attempt(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> str | None:
        """The rendered conversation; None where the template refuses it."""
        try:
            return self.text(messages, tools)
        except PlannerError:
            return None


def user(*content: str | Mapping[str, Any]) -> dict[str, Any]:
    """A user's message of texts and blocks."""
    return {"role": "user", "content": [_block(part) for part in content]}


def assistant(text: str = "", calls: Sequence[tuple[str, Mapping[str, Any]]] = (), first: int = 0) -> dict[str, Any]:
    """An assistant's message; calls in OpenAI's form, which templates read.

    Args:
        text: of the message.
        calls: (name, arguments).
        first: number of calls before them in the conversation.
    """
    message: dict[str, Any] = {"role": "assistant", "content": [_block(text)]}
    if calls:
        message["tool_calls"] = [
            {"type": "function", "id": f"call{index:05}", "function": {"name": name, "arguments": dict(arguments)}}
            for index, (name, arguments) in enumerate(calls, first)
        ]
    return message


def result(*content: str | Mapping[str, Any], name: str = NAME, index: int = 0) -> dict[str, Any]:
    """A tool's message."""
    return {
        "role": "tool", "name": name, "tool_call_id": f"call{index:05}", "content": [_block(part) for part in content]
    }  # fmt: skip


def _block(part: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": part} if isinstance(part, str) else dict(part)


def _flat(message: Message) -> dict[str, Any]:
    """The message with its texts as one string, for templates that know no parts."""
    if isinstance(message["content"], str):
        return dict(message)
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    return {**message, "content": "\n".join(texts)}


_ROLES: dict[str, list[dict[str, Any]]] = {
    "user": [],
    "system": [],
    "assistant": [user(U)],
    "tool": [user(U), assistant(calls=[(NAME, {ARGUMENT: VALUE})])],
}
"""Roles, and what may stand before them."""

IMAGE, AUDIO = {"type": "image"}, {"type": "audio"}
SCHEMA = {
    "type": "function",
    "function": {
        "name": TOOL, "description": "A tool.",
        "parameters": {"type": "object", "properties": {ARGUMENT: {"type": "string"}}, "required": [ARGUMENT]},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Ticks:
    """Which of the markers a template renders.

    Attributes:
        schema: a tool's schema.
        call: an assistant's call with its arguments.
        result: a tool's result.
        image_in_result: an image in a tool's result; None where the model sees none.
        audio_in_result: a sound in a tool's result; None where the model hears none.
        stable: whether appending a message appends text, and nothing before it changes.
        said: what the template raised, by marker.
    """

    schema: bool
    call: bool
    result: bool
    image_in_result: bool | None
    audio_in_result: bool | None
    stable: bool
    said: dict[str, str] = field(default_factory=dict)

    @property
    def native(self) -> bool:
        """Whether the template can tell a whole episode with tools by itself."""
        media = self.image_in_result is not False and self.audio_in_result is not False
        return self.schema and self.call and self.result and media and self.stable


def probe(template: Template) -> Ticks:
    """Render the markers, and an episode step by step."""
    shown = [block for block, known in ((IMAGE, image_text(template)), (AUDIO, audio_text(template))) if known]
    asked, call = user(*shown, U), assistant(calls=[(NAME, {ARGUMENT: VALUE})])
    rendered = {
        "schema": ([user(U)], (TOOL, ARGUMENT)),
        "call": ([asked, call, result(R)], (NAME, VALUE)),
        "result": ([asked, call, result(R)], (R,)),
    }
    said: dict[str, str] = {}
    ticks = {name: _shows(template, name, messages, marks, said) for name, (messages, marks) in rendered.items()}
    return Ticks(
        schema=ticks["schema"],
        call=ticks["call"],
        result=ticks["result"],
        image_in_result=_shows_medium(template, IMAGE, image_text(template), [asked, call], said),
        audio_in_result=_shows_medium(template, AUDIO, audio_text(template), [asked, call], said),
        stable=_stable(template, [asked, call, result(R), assistant(A), user(V)]),
        said=said,
    )


def _shows(template: Template, name: str, messages: Sequence[Message], marks: Sequence[str], said: Any) -> bool:
    try:
        text = template.text(messages, [SCHEMA])
    except PlannerError as error:
        said[name] = str(error)
        return False
    return all(mark in text for mark in marks)


def _shows_medium(
    template: Template, block: Message, mark: str, before: Sequence[Message], said: dict[str, str]
) -> bool | None:
    """Whether a medium's own text stands once more than without it in the result; None where it has no text."""
    if not mark:
        return None
    try:
        shown = template.text([*before, result(block, R)], [SCHEMA])
        without = template.text([*before, result(R)], [SCHEMA])
    except PlannerError as error:
        said[f"{block['type']}_in_result"] = str(error)
        return False
    return shown.count(mark) == without.count(mark) + 1


def _stable(template: Template, messages: Sequence[Message]) -> bool:
    """Whether each beginning of the conversation begins the whole, what opens an assistant's turn included."""
    texts = []
    for end, message in enumerate(messages):
        try:
            if message["role"] == "assistant":
                texts.append(template.text(messages[:end], [SCHEMA], generate=True))
            texts.append(template.text(messages[: end + 1], [SCHEMA]))
        except PlannerError:
            return False
    return all(longer.startswith(shorter) for shorter, longer in pairwise(texts))


def image_text(template: Template) -> str:
    """What the template writes for an image in a user's turn; empty where it writes nothing."""
    return _medium_text(template, IMAGE) if template.sees else ""


def audio_text(template: Template) -> str:
    """What the template writes for a sound in a user's turn, what is no token left out: some count the sounds."""
    return template.tokens_of(_medium_text(template, AUDIO)) if template.hears else ""


def _medium_text(template: Template, block: Message) -> str:
    """What a block adds to a user's turn."""
    bare, shown = template.attempt([user(U)]), template.attempt([user(block, U)])
    if bare is None or shown is None:
        return ""
    before, after = bare.split(U, 1)[0], shown.split(U, 1)[0]
    same = len(_shared(before, after))
    before, after = before[same:], after[same:]
    return after[: len(after) - len(_shared(before[::-1], after[::-1]))]


@dataclass(frozen=True)
class Marks:
    """What a template writes around turns.

    Attributes:
        opening: before the first turn.
        user: before and after a user's text.
        assistant: before and after an assistant's text.
        system: before and after the system's text, `opening` included; None where a system message has no turn of its
            own, or the template refuses it.
        image: for an image; empty where it shows none.
        audio: for a sound; empty where it shows none.
        answer: tokens between which the model puts its answer itself, inside the assistant's marks.
        turn: what opens an assistant's turn that is over; templates may open the one to come otherwise.
    """

    opening: str
    user: tuple[str, str]
    assistant: tuple[str, str]
    system: tuple[str, str] | None
    image: str
    audio: str = ""
    answer: tuple[str, str] = ("", "")
    turn: str = ""


def marks_of(template: Template) -> Marks:
    """The marks of a template, from what it writes between markers.

    Raises:
        PlannerError: it cannot tell question, answer, question; or it loses one of the markers.
    """
    asked, answered = template.text([user(U)]), template.text([user(U), assistant(A)])
    again = template.text([user(U), assistant(A), user(V)])
    for text, marks in ((asked, [U]), (answered, [U, A]), (again, [U, A, V])):
        if [mark for mark in marks if text.count(mark) != 1]:
            raise PlannerError(
                "the model's chat template loses a turn",
                got=text[:200],
                expected=" ... ".join(marks),
                mend="the chat_template.jinja of its maker",
            )
    before, after_first = asked.split(U)
    between, closing = answered.split(U)[1].split(A)
    next_question = again.split(A)[1].split(V)[0]
    prompt = template.text([user(U)], generate=True).split(U)[1]
    closed = _shared(after_first, between)
    opened = prompt.removeprefix(closed) if prompt.startswith(closed) else between.removeprefix(closed)
    asking = next_question.removeprefix(closing) if next_question.startswith(closing) else ""
    opening = before.removesuffix(asking) if asking and before.endswith(asking) else before
    turn, ending = between.removeprefix(closed), closing if next_question.startswith(closing) else next_question
    answer = _answer(template, turn, opened, ending)
    return Marks(
        opening=opening,
        user=(before.removeprefix(opening), closed),
        assistant=(opened, ending.removeprefix(answer[1])),
        system=system_marks(template, before.removeprefix(opening)),
        image=image_text(template),
        audio=audio_text(template),
        answer=answer,
        turn=turn.removesuffix(answer[0]),
    )


def _answer(template: Template, turn: str, opened: str, ending: str) -> tuple[str, str]:
    """The tokens around an answer that the template leaves to the model; none where there are no two of them.

    Args:
        template: the model's.
        turn: what opens an assistant's turn that is over.
        opened: what opens one that is to be written.
        ending: what ends one.
    """
    first = turn.removeprefix(opened) if turn.startswith(opened) else ""
    last = template.first_token(ending)
    if not first or first != template.first_token(first) or not last or last == ending.rstrip():
        return "", ""
    return first, last


def _shared(left: str, right: str) -> str:
    """The longest common beginning."""
    limit = min(len(left), len(right))
    end = next((i for i in range(limit) if left[i] != right[i]), limit)
    return left[:end]


def system_marks(template: Template, asking: str, schemas: Sequence[Any] | None = None) -> tuple[str, str] | None:
    """The marks around a system message that stands before the first user's turn.

    Args:
        template: the model's.
        asking: what opens a user's turn.
        schemas: tools, which many templates tell there.
    """
    text = template.attempt([{"role": "system", "content": [_block(S)]}, user(U)], schemas)
    if text is None or text.count(S) != 1 or text.count(U) != 1:
        return None
    before, rest = text.split(S)
    after = rest.split(U)[0]
    if not asking or not after.endswith(asking):
        return None
    return before, after.removesuffix(asking)
