"""The conversation as a foreign model reads it: marks of its template, text, pictures, sounds; appended, never changed.

A template that renders schemas, calls, results and pictures in results tells the conversation itself. For others it is
written between the template's own marks: in its own forms of schemas, calls and results where it has all three, else
in Hermes form (`<tools>`, `<tool_call>`, `<tool_response>` in a user's turn).
A medium that the model has no sense for is told in words (`audio_1: a clip of 3.2 s`), as for remote planners.
What users, tools and the planner say is plain text: a special token that they spell is spelled out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Literal

from agentmm.planner.completion import split_thought
from agentmm.planner.foreign.calls import HERMES, CallForm
from agentmm.planner.foreign.forms import form_of
from agentmm.planner.foreign.framing import framed, settled
from agentmm.planner.foreign.slots import filled
from agentmm.planner.foreign.template import (
    AUDIO,
    IMAGE,
    SCHEMA,
    Marks,
    Template,
    Ticks,
    assistant,
    marks_of,
    probe,
    result,
    user,
)
from agentmm.planner.instructions import INSTRUCTIONS
from agentmm.planner.render import Message, read_message

_HERMES = (
    "\n\nYou may call tools. Their signatures:\n<tools>\n{schemas}\n</tools>\n"
    'A call is {{"name": NAME, "arguments": {{...}}}} between <tool_call> and </tool_call>.'
)
_SLOT = "qz{}slotqz"
_NAME = re.compile(r"[\w.\-]{1,80}")


@dataclass(frozen=True)
class Piece:
    """A part of the conversation.

    Attributes:
        kind: `marks` (the template's own; its special tokens count), `plain`, `image`, `audio`, or `ids` (recorded).
        text: of marks and plain text; a medium's handle.
        sha: of a medium.
        ids: of a recorded turn.
        wrote: whether the planner wrote it.
    """

    kind: Literal["marks", "plain", "image", "audio", "ids"]
    text: str = ""
    sha: str = ""
    ids: tuple[int, ...] = ()
    wrote: bool = False


class Wire:
    """Writes conversations for one model.

    Args:
        template: the model's.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        self.ticks: Ticks = probe(template)
        self.marks: Marks = marks_of(template)
        shown = self.ticks.schema and self.ticks.call and self.ticks.result
        form = form_of(template, self.marks) if shown else None
        own, self.results = (form and settled(template, self.marks, form)) or (None, None)
        self.native = own is not None and self.ticks.native
        if not self.native and (self.results is None or framed(template, self.marks, [SCHEMA]) is None):
            own = None
        self.own = own is not None
        self.form: CallForm = own or replace(HERMES, answer=self.marks.answer)
        self.thinks = self.marks.assistant[0].rstrip().endswith("<think>")

    def pieces(
        self,
        messages: Sequence[Any],
        specs: Sequence[Mapping[str, Any]],
        media: Mapping[str, Any],
        *,
        generate: bool = False,
    ) -> list[Piece]:
        """The conversation in pieces.

        Args:
            messages: LangChain messages or dicts; media are blocks with a handle.
            specs: tools, as `agentmm.planner.specs` describes them, with `schema` (OpenAI's form).
            media: handle -> record.
            generate: end with what opens an assistant's turn.
        """
        read = [read_message(message) for message in messages]
        told = self._told(read, specs, media, generate) if self.native else self._marked(read, specs, media, generate)
        return list(_joined(told))

    def made(self, messages: Sequence[Any]) -> int:
        """How many calls a conversation has so far, where they are numbered over the whole of it; else 0."""
        if self.form.counts != "run":
            return 0
        return sum(len(message.calls) for message in map(read_message, messages))

    def _marked(
        self, messages: Sequence[Message], specs: Sequence[Mapping[str, Any]], media: Mapping[str, Any], generate: bool
    ) -> Iterator[Piece]:
        """Between the template's marks: schemas, calls, results in its own forms where it has them, else in Hermes'."""
        marks, first = self.marks, INSTRUCTIONS
        if specs and self.own:
            marks = framed(self.template, marks, [spec["schema"] for spec in specs]) or marks
        elif specs:
            first += _HERMES.format(schemas="\n".join(json.dumps(spec["schema"], ensure_ascii=False) for spec in specs))
        if marks.system is not None:
            yield from (Piece("marks", marks.system[0]), Piece("plain", first), Piece("marks", marks.system[1]))
            first = ""
        else:
            yield Piece("marks", marks.opening)
        opened, steps, called = marks.assistant[0], _Steps(), _called(messages)
        for role, group in groupby(messages, key=lambda message: message.role):
            if role == "tool" and self.own:
                results = [*group]
                yield from self._results(results, media, steps)
                opened = self._reply(results)
                continue
            for message in [*group] if role != "tool" else [_merged([*group])]:
                if role == "assistant":
                    yield Piece("marks", opened)
                    yield from self._body(message, steps.made)
                    yield Piece("marks", self.after(message, called=id(message) in called))
                    opened = marks.assistant[0]
                    steps.add(message)
                    continue
                yield Piece("marks", marks.user[0])
                if first:
                    yield Piece("plain", f"{first}\n\n")
                    first = ""
                yield from self._content(message, media)
                yield Piece("marks", marks.user[1])
        if generate:
            yield Piece("marks", opened)

    def _results(self, results: Sequence[Message], media: Mapping[str, Any], steps: _Steps) -> Iterator[Piece]:
        """The results of one step; media that the template would drop there follow in a user's turn."""
        assert self.results is not None
        after = []
        for index, message in enumerate(results):
            inside, lost = self._parted(message)
            after += lost
            number = self.form.number(index, steps.before)
            mark = self.results.between if index else self.results.opening
            yield Piece("marks", filled(mark, number=number, name=steps.name(index)))
            yield from self._within(message._replace(content=inside), media)
        yield Piece("marks", self.results.closing)
        if after:
            yield Piece("marks", self.marks.assistant[1] if self.form.waits else "")
            yield Piece("marks", self.marks.user[0])
            yield from self._content(Message("user", after, [], None), media)
            yield Piece("marks", self.marks.user[1])

    def _parted(self, message: Message) -> tuple[list[Any], list[Any]]:
        """Blocks of a result that the template shows, and media that it would drop."""
        lost = [block for block in message.content if block["type"] in self._dropped]
        return [block for block in message.content if block not in lost], lost

    def _reply(self, results: Sequence[Message]) -> str:
        """What opens the assistant's turn after results."""
        assert self.results is not None
        anew = self.results.reply is None or any(self._parted(message)[1] for message in results)
        return self.marks.assistant[0] if anew else str(self.results.reply)

    def _within(self, message: Message, media: Mapping[str, Any]) -> Iterator[Piece]:
        """What a tool said, as it stands in its result."""
        for piece in self._content(message, media):
            quoted = self.results is not None and piece.kind == "plain"
            yield replace(piece, text=self.results.text(piece.text)) if quoted and self.results else piece

    @property
    def _dropped(self) -> tuple[str, ...]:
        """Kinds of media that the template drops in a result."""
        shown = (("image", self.ticks.image_in_result), ("audio", self.ticks.audio_in_result))
        return tuple(kind for kind, there in shown if there is False)

    def after(self, message: Message, *, called: bool = False) -> str:
        """What ends an assistant's turn, or its part before the results of its calls.

        Args:
            message: the assistant's.
            called: whether results follow, though none of its calls could be read.
        """
        return self.form.waits if (message.calls or called) and self.form.waits else self.marks.assistant[1]

    def _body(self, message: Message, made: int = 0) -> Iterator[Piece]:
        """What the planner wrote: its recorded ids, or its text and calls after a thought that the template opened."""
        if message.completion_ids is not None:
            yield Piece("ids", ids=tuple(message.completion_ids), wrote=not message.example)
            return
        text = _text(message)
        if self.thinks:
            thought, text = (text, "") if message.calls else split_thought(text)
            yield Piece("plain", thought, wrote=not message.example)
            yield Piece("marks", "\n</think>\n\n", wrote=not message.example)
        for part, mark in self.form.parts(message.calls, text, made):
            yield Piece("marks" if mark else "plain", part, wrote=not message.example)

    def turn(self, message: Message, made: int = 0) -> list[Piece]:
        """An assistant's turn as the model would write it itself, between its marks.

        Args:
            message: the assistant's.
            made: calls that were made in the conversation before.
        """
        return list(_joined(self._body(message, made)))

    def _content(self, message: Message, media: Mapping[str, Any]) -> Iterator[Piece]:
        """Blocks as plain text, pictures and sounds."""
        for index, block in enumerate(message.content):
            space = "\n" if index else ""
            if block["type"] == "text":
                yield Piece("plain", space + block["text"])
            else:
                yield from _medium(block, media, space, self.marks)

    def _told(
        self, messages: Sequence[Message], specs: Sequence[Mapping[str, Any]], media: Mapping[str, Any], generate: bool
    ) -> Iterator[Piece]:
        """As the template tells it; what users and tools said stands in slots that no template touches."""
        telling = _Telling(self.template, self.marks, [spec["schema"] for spec in specs])
        lead, steps, called = INSTRUCTIONS, _Steps(), _called(messages)
        if self.marks.system is not None:
            telling.shown.append({"role": "system", "content": [{"type": "text", "text": lead}]})
            lead = ""
        for role, group in groupby(messages, key=lambda message: message.role):
            if role == "assistant":
                for message in group:
                    yield from telling.opened()
                    yield from self._body(message, steps.made)
                    said = "" if message.calls else _text(message)
                    whole = telling.closed(assistant(said, message.calls, first=steps.made))
                    end = self.after(message, called=id(message) in called)
                    yield Piece("marks", end if whole.endswith(end) else "")
                    steps.add(message)
                continue
            batch = list(group)
            for step in [batch] if role == "tool" else [[one] for one in batch]:
                for index, message in enumerate(step):
                    pieces = [Piece("plain", f"{lead}\n\n")] if lead else []
                    lead = ""
                    told = self._content(message, media) if role == "user" else self._within(message, media)
                    content, at = telling.content([*pieces, *told]), steps.before + index
                    name = steps.name(index)
                    telling.shown.append(user(*content) if role == "user" else result(*content, name=name, index=at))
                yield from telling.told()
        if generate:
            yield from telling.opened()


class _Steps:
    """The calls of a conversation, counted as it is told.

    Attributes:
        made: all of them so far.
        before: those before the last step that made any.
    """

    def __init__(self) -> None:
        self.made = self.before = 0
        self._names: list[str] = []

    def add(self, message: Message) -> None:
        """The planner has spoken."""
        self._names = [name for name, _ in message.calls]
        self.before, self.made = self.made, self.made + len(message.calls)

    def name(self, index: int) -> str:
        """The name of the call that a result answers."""
        named = self._names[index] if index < len(self._names) else ""
        return named if _NAME.fullmatch(named) else "tool"


class _Telling:
    """A conversation that a template tells step by step, with slots for what was said and shown."""

    def __init__(self, template: Template, marks: Marks, schemas: Sequence[Any]) -> None:
        self.template, self.marks, self.schemas = template, marks, schemas
        self.shown: list[dict[str, Any]] = []
        self._before = ""
        self._said: list[Piece] = []
        self._media: dict[str, list[Piece]] = {"image": [], "audio": []}

    def content(self, pieces: Sequence[Piece]) -> list[Any]:
        """What the template is given in place of pieces."""
        given: list[Any] = []
        for piece in pieces:
            if piece.kind in ("image", "audio"):
                self._media[piece.kind].append(piece)
                given.append(IMAGE if piece.kind == "image" else AUDIO)
            else:
                given.append(_SLOT.format(len(self._said)))
                self._said.append(piece)
        return given

    def told(self) -> Iterator[Piece]:
        """What the template adds for the messages since the last time."""
        text = self.template.text(self.shown, self.schemas)
        yield from self._filled(text.removeprefix(self._before))
        self._before = text

    def opened(self) -> Iterator[Piece]:
        """What opens an assistant's turn."""
        text = self.template.text(self.shown, self.schemas, generate=True)
        return self._filled(text.removeprefix(self._before))

    def closed(self, message: dict[str, Any]) -> str:
        """The assistant's turn is over; what was in it is told by its pieces. The conversation so far."""
        self.shown.append(message)
        self._before = self.template.text(self.shown, self.schemas)
        return self._before

    def _filled(self, text: str) -> Iterator[Piece]:
        """Template text with what its slots stand for."""
        image, audio = (re.escape(mark) if mark else "(?!)" for mark in (self.marks.image, self.marks.audio))
        at = 0
        for found in re.finditer(f"{_SLOT.format('([0-9]+)')}|(?P<image>{image})|(?P<audio>{audio})", text):
            yield Piece("marks", text[at : found.start()])
            yield self._said[int(found[1])] if found[1] else self._media[str(found.lastgroup)].pop(0)
            at = found.end()
        yield Piece("marks", text[at:])


def _text(message: Message) -> str:
    return "".join(block["text"] for block in message.content if block["type"] == "text")


def _called(messages: Sequence[Message]) -> set[int]:
    """The messages that results follow, by `id`."""
    return {id(message) for message, after in pairwise(messages) if after.role == "tool"}


def _merged(results: Sequence[Message]) -> Message:
    """The results of one step as one user's message."""
    content: list[dict[str, Any]] = []
    for one in results:
        texts = "\n".join(block["text"] for block in one.content if block["type"] == "text")
        content.append({"type": "text", "text": f"<tool_response>\n{texts}\n</tool_response>"})
        content += [block for block in one.content if block["type"] != "text"]
    return Message("user", content, [], None)


def _medium(block: Mapping[str, Any], media: Mapping[str, Any], space: str, marks: Marks) -> Iterator[Piece]:
    """A medium's handle and the medium itself; in words where the model has no sense for it."""
    handle, kind = str(block.get("file_id")), block["type"]
    sha = str(block.get("sha") or media[handle]["sha"])
    yield Piece("plain", f"{space}{handle}: ")
    if kind == "image" and marks.image:
        yield Piece("image", handle, sha)
    elif kind == "audio" and marks.audio:
        yield Piece("audio", handle, sha)
    else:
        record = media.get(handle, {})
        yield Piece("plain", _in_words(kind, record if record.get("sha") == sha else {}))


def _in_words(kind: str, record: Mapping[str, Any]) -> str:
    """What a record tells of a medium that is not shown."""
    name = {"image": "a picture", "audio": "a clip"}.get(kind, "a video")
    if kind == "image":
        return f"{name} of {record['width']} x {record['height']} px" if "width" in record else name
    return f"{name} of {record['seconds']:.1f} s" if "seconds" in record else name


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Without empty pieces."""
    return (piece for piece in pieces if piece.text or piece.ids)
