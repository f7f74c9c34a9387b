"""The one renderer: messages, tool signatures and media become token ids here and nowhere else.

Serving and training both call it. It knows the wire and the special tokens, and no model. Rendering is append-only:
the ids of `messages[:k]` are a prefix of the ids of `messages[:k + 1]`. Assistant turns that carry recorded ids are
rendered from these ids, never from their text. Special tokens inside texts are spelled out as plain text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from agentmm.errors import PlannerError
from agentmm.planner.completion import Completion, ParsedCall, parse_completion, split_thought
from agentmm.planner.spelling import Spelling

__all__ = ["Completion", "ParsedCall", "Rendered", "Renderer", "Slot", "call_text", "parse_completion", "read_message"]

Record = Mapping[str, Any]
_ROLES = {
    "human": "user",
    "ai": "assistant",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "system": "system",
}
_KINDS = ("image", "audio", "video")


class Slot(NamedTuple):
    """A run of placeholders: the medium's handle, its SHA-256 and the index of the first placeholder id."""

    handle: str
    sha: str
    position: int

    @property
    def kind(self) -> str:
        """`image`, `audio` or `video`."""
        return self.handle.partition("_")[0]


@dataclass
class Rendered:
    """Token ids with what training and the cache session need.

    Attributes:
        ids: token ids, [T].
        loss_mask: 1 where an assistant wrote the token, [T].
        media: placeholder runs in reading order.
    """

    ids: list[int] = field(default_factory=list)
    loss_mask: list[int] = field(default_factory=list)
    media: list[Slot] = field(default_factory=list)

    def add(self, ids: Sequence[int], loss: int = 0) -> None:
        """Append ids that all carry the same loss weight."""
        self.ids.extend(ids)
        self.loss_mask.extend([loss] * len(ids))


class Message(NamedTuple):
    """A message reduced to what the wire shows.

    `content` blocks are dicts, `calls` are `(name, arguments)`; an `example` is part of a demonstration: never learnt.
    """

    role: str
    content: list[dict[str, Any]]
    calls: list[tuple[str, dict[str, Any]]]
    completion_ids: list[int] | None
    example: bool = False


class Renderer:
    """Renders with one tokenizer.

    Args:
        tokenizer: a `tokenizers.Tokenizer`, or an object that has one as `backend_tokenizer`.
        image_tokens: placeholders that one image takes.
        respells: show words of results in the question's lower case (`spelling.py`), as the planner was trained to
            read them.
    """

    def __init__(self, tokenizer: Any, image_tokens: int = 16, respells: bool = False) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        self._plain = Tokenizer.from_str(backend.to_str())
        self._plain.encode_special_tokens = True
        self._tokens: dict[str, int] = {}
        self.image_tokens, self.respells = image_tokens, respells

    @classmethod
    def from_pretrained(cls, folder: str | Path, image_tokens: int = 16, respells: bool = False) -> Renderer:
        """The renderer of a folder that holds `tokenizer.json`."""
        return cls(Tokenizer.from_file(str(Path(folder) / "tokenizer.json")), image_tokens, respells)

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._plain.get_vocab_size()

    def token_id(self, token: str) -> int:
        """The id of a special token.

        Raises:
            PlannerError: the tokenizer has no such token.
        """
        if token not in self._tokens:
            found = self._plain.token_to_id(token)
            if found is None:
                raise PlannerError("the tokenizer lacks a token of the wire", got=token)
            self._tokens[token] = found
        return self._tokens[token]

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; what looks like a special token is spelled out."""
        return self._plain.encode(text, add_special_tokens=False).ids if text else []

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, special tokens shown."""
        return self._plain.decode(list(ids), skip_special_tokens=False)

    def render(
        self,
        messages: Sequence[Any],
        signatures: Sequence[str] = (),
        media: Mapping[str, Record] | None = None,
        *,
        generate: bool = False,
    ) -> Rendered:
        """Render a conversation.

        Args:
            messages: LangChain messages or dicts with `role` and `content`.
            signatures: signatures of the tools, in the order of binding; they make the system turn.
            media: handle -> record; gives each placeholder run its SHA-256.
            generate: end with the token that opens an assistant turn.

        Raises:
            PlannerError: a message has an unknown role, or a block names a medium without a record.
        """
        out, media = Rendered(), {} if media is None else media
        if signatures:
            self._turn(out, "system", [{"type": "text", "text": "\n".join(signatures)}], media)
        for message in self._spelt(messages):
            if message.role == "assistant":
                self._assistant(out, message)
            else:
                self._turn(out, message.role, message.content, media)
        if generate:
            out.add([self.token_id("<|assistant|>")])
        return out

    def printed(self, messages: Sequence[Any], text: str) -> str:
        """What a planner answers to these messages, words as the results print them where it was shown others."""
        spelling = Spelling()
        list(self._spelt(messages, spelling))
        return spelling.as_printed(text)

    def spelt(self, question: str, texts: Sequence[str]) -> list[str]:
        """Texts that come after a question, in the spelling in which a planner reads and writes them."""
        spelling = Spelling()
        spelling.ask(question if self.respells else "")
        return [spelling.as_asked(text) for text in texts]

    def _spelt(self, messages: Sequence[Any], spelling: Spelling | None = None) -> Iterator[Message]:
        """The messages as the planner reads them: what comes after a question in the question's spelling."""
        spelling = spelling or Spelling()
        for message in map(read_message, messages):
            if self.respells and message.role == "user":
                spelling.ask(" ".join(block["text"] for block in message.content if block["type"] == "text"))
            elif self.respells and message.role in ("tool", "assistant"):
                message = message._replace(content=[_respelt(block, spelling) for block in message.content])
            yield message

    def _turn(self, out: Rendered, role: str, content: list[dict[str, Any]], media: Mapping[str, Record]) -> None:
        """A turn that the planner reads."""
        out.add([self.token_id(f"<|{role}|>")])
        for index, block in enumerate(content):
            text = "\n" if index else ""
            if block["type"] == "text":
                out.add(self.encode(text + block["text"]))
            else:
                self._medium(out, text, block, media)
        out.add([self.token_id("<|end|>")])

    def _medium(self, out: Rendered, text: str, block: dict[str, Any], media: Mapping[str, Record]) -> None:
        """`image_1 <image>...`: the handle, then as many placeholders as the medium takes.

        A block that brings its own `sha` (a demonstration's) needs no record.
        """
        handle, kind = block.get("file_id"), block["type"]
        if not isinstance(handle, str) or not (block.get("sha") or handle in media):
            raise PlannerError(
                "a message names a medium that has no record", got=handle, expected="a handle of this run"
            )
        out.add(self.encode(f"{text}{handle} "))
        out.media.append(Slot(handle, str(block.get("sha") or media[handle]["sha"]), len(out.ids)))
        out.add([self.token_id(f"<{kind}>")] * (self.image_tokens if kind == "image" else 1))

    def _assistant(self, out: Rendered, message: Message) -> None:
        """A turn that the planner wrote: loss on all of it but the opening token; none in a demonstration."""
        end = self.token_id("<|end|>")
        out.add([self.token_id("<|assistant|>")])
        ids = message.completion_ids
        if ids is None:
            ids = [*self.completion_ids(message), end]
        out.add(ids, loss=int(not message.example))
        if not ids or ids[-1] != end:
            out.add([end])

    def completion_ids(self, message: Message) -> list[int]:
        """Ids of an assistant turn from its calls or its text, without the end token.

        Text beside calls is a thought; an answer may begin with `<think>...</think>`.
        """
        text = "".join(block["text"] for block in message.content if block["type"] == "text")
        thought, answer = (text, "") if message.calls else split_thought(text)
        ids = [self.token_id("<think>"), *self.encode(thought), self.token_id("</think>")] if thought else []
        ids += self.encode(answer)
        for name, arguments in message.calls:
            ids += [
                self.token_id("<tool_call>"),
                *self.encode(call_text(name, arguments)),
                self.token_id("</tool_call>"),
            ]
        return ids


def _respelt(block: dict[str, Any], spelling: Spelling) -> dict[str, Any]:
    return {**block, "text": spelling.as_asked(block["text"])} if block["type"] == "text" else block


def call_text(name: str, arguments: Mapping[str, Any]) -> str:
    """The JSON of one call as it stands between `<tool_call>` and `</tool_call>`."""
    return json.dumps({"name": name, "arguments": dict(arguments)}, ensure_ascii=False)


def read_message(message: Any) -> Message:
    """Reduce a LangChain message or a dict to what the wire shows.

    Raises:
        PlannerError: unknown role or block type.
    """
    fields = message if isinstance(message, Mapping) else _langchain_fields(message)
    role = _ROLES.get(str(fields.get("role")))
    if role is None:
        raise PlannerError("a message has an unknown role", got=fields.get("role"), expected=", ".join(sorted(_ROLES)))
    calls = [_read_call(call) for call in fields.get("tool_calls") or ()]
    recorded = (fields.get("response_metadata") or {}).get("completion_ids") if role == "assistant" else None
    ids = None if recorded is None else [int(i) for i in recorded]
    example = bool((fields.get("additional_kwargs") or {}).get("example"))
    return Message(role, _read_content(fields.get("content")), calls, ids, example)


def _langchain_fields(message: Any) -> dict[str, Any]:
    """The fields of a LangChain message by duck typing (this room's training half runs without LangChain)."""
    fields = {"role": getattr(message, "type", None), "content": getattr(message, "content", None)}
    fields["tool_calls"] = getattr(message, "tool_calls", None)
    fields["response_metadata"] = getattr(message, "response_metadata", None)
    fields["additional_kwargs"] = getattr(message, "additional_kwargs", None)
    return fields


def _read_call(call: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """`(name, arguments)` from LangChain's form or OpenAI's."""
    call = call.get("function", call)
    arguments = call.get("args", call.get("arguments", {}))
    return str(call["name"]), json.loads(arguments) if isinstance(arguments, str) else dict(arguments)


def _read_content(content: Any) -> list[dict[str, Any]]:
    """Content as text and media blocks; empty text leaves nothing."""
    blocks = [content] if isinstance(content, (str, Mapping)) else list(content or ())
    read = [{"type": "text", "text": block} if isinstance(block, str) else dict(block) for block in blocks]
    for block in read:
        if block.get("type") not in ("text", *_KINDS):
            raise PlannerError(
                "a message has a block of unknown type", got=block.get("type"), expected="text, image, audio, video"
            )
    return [block for block in read if block["type"] != "text" or block.get("text")]
