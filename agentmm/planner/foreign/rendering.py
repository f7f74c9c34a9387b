"""A conversation as a foreign model's token ids, with the places of its pictures and sounds; appending appends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from agentmm.planner.foreign.pictures import TYPES, Picture, Pictures
from agentmm.planner.foreign.spelling import Spelling
from agentmm.planner.foreign.wire import Wire
from agentmm.planner.render import Message, read_message
from agentmm.planner.session import Key


class Placed(NamedTuple):
    """A picture or a sound, and the index of its first token."""

    sha: str
    start: int
    picture: Picture

    @property
    def end(self) -> int:
        """The index after its last token."""
        return self.start + len(self.picture.ids)


@dataclass
class Told:
    """What a step is rendered to.

    Attributes:
        ids: token ids, length T.
        images: pictures and sounds in reading order.
        spans: (start, end) of each turn that the planner wrote itself.
        shown: how pictures are shown, where it is not as they are; sessions of other ways are others.
    """

    ids: list[int] = field(default_factory=list)
    images: list[Placed] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    shown: str = ""

    @property
    def written(self) -> int:
        """The index after the last token that the planner wrote itself; 0 where it wrote none."""
        return self.spans[-1][1] if self.spans else 0

    @property
    def loss_mask(self) -> list[int]:
        """1 where the planner wrote the token, length T."""
        mask = [0] * len(self.ids)
        for start, end in self.spans:
            mask[start:end] = [1] * (end - start)
        return mask

    @property
    def keys(self) -> list[Key]:
        """What a session is found by: ids and, in place of a picture's, its hash, its length and the offset."""
        keys: list[Key] = list(self.ids)
        for placed in self.images:
            length = len(placed.picture.ids)
            keys[placed.start : placed.end] = [
                (f"{self.shown}{placed.sha}/{length}", offset) for offset in range(length)
            ]
        return keys

    def types(self) -> dict[str, list[int]]:
        """Per name that the processor gives, the kind of each token, length T; text is 0."""
        names = [name for name in TYPES if any(name in placed.picture.types for placed in self.images)]
        kinds = {name: [0] * len(self.ids) for name in names}
        for name in names:
            for placed in self.images:
                own = placed.picture.types.get(name, [0] * len(placed.picture.ids))
                kinds[name][placed.start : placed.end] = own
        return kinds


class ForeignRenderer:
    """Renders for one model.

    Args:
        wire: tells a conversation in pieces.
        spelling: the model's tokenizer.
        pictures: the model's processor.
        ends: ids that end a completion; one that the template writes again stands once.
    """

    def __init__(self, wire: Wire, spelling: Spelling, pictures: Pictures, ends: Collection[int]) -> None:
        self.wire, self.spelling, self.pictures, self.ends = wire, spelling, pictures, ends
        self._reach = len(self._ending(wire.marks.assistant[1])) + 1  # white space may stand before it

    @property
    def plain_ending(self) -> str:
        """What the template's mark has as plain text before the token that ends a turn; most often nothing."""
        (text, number), *more = [*self.spelling.special(self.wire.marks.assistant[1].lstrip()), ("", None)]
        return text.strip() if number is None and more and more[0][1] in self.ends else ""

    def render(
        self,
        messages: Sequence[Any],
        specs: Sequence[Mapping[str, Any]],
        media: Mapping[str, Any],
        load: Callable[[str], Any],
        *,
        generate: bool = False,
    ) -> Told:
        """Render a conversation.

        Args:
            messages: LangChain messages or dicts.
            specs: tools, with `schema` (OpenAI's form).
            media: handle -> record.
            load: brings a picture (PIL), or a sound (samples), by its hash.
            generate: end with what opens an assistant's turn.
        """
        told, said = Told(), []
        for piece in self.wire.pieces(messages, specs, media, generate=generate):
            if piece.kind in ("marks", "plain"):
                said.append((piece.text, piece.kind == "marks"))
                continue
            picture = None if piece.kind == "ids" else self.pictures.of(piece.sha, load)
            if picture is not None and picture.words:
                said.append((picture.words, False))
                continue
            self._say(told, said)
            said = []
            if picture is not None:
                told.images.append(Placed(piece.sha, len(told.ids), picture))
                told.ids += picture.ids
            else:
                told.spans += [(len(told.ids), len(told.ids) + len(piece.ids))] if piece.wrote else []
                told.ids += piece.ids
        self._say(told, said)
        return told

    def taught(self, messages: Sequence[Any]) -> list[dict[str, Any]]:
        """Messages whose assistant turns all carry ids, as rows to learn from need them.

        Recorded ids are kept; a turn without (a scripted planner's) is spelled as this model would have written it.
        """
        read = [read_message(message) for message in messages]
        made = accumulate((len(message.calls) for message in read), initial=0)
        return [
            _with_ids(message, self.completion_ids(message, before))
            for message, before in zip(read, made, strict=False)
        ]

    def completion_ids(self, message: Message, made: int = 0) -> list[int] | None:
        """The ids of an assistant's turn, its end included: recorded, or spelled; None for other roles.

        Args:
            message: any.
            made: calls that were made in the conversation before.
        """
        if message.role != "assistant" or message.completion_ids is not None:
            return message.completion_ids
        said = [(piece.text, piece.kind == "marks") for piece in self.wire.turn(message, made)]
        end = self._ending(self.wire.after(message)) or [*self.ends][:1]
        return [*self.spelling.encode(said, first=False), *end]

    def _ending(self, mark: str) -> list[int]:
        """The ids of a mark up to the first that ends a turn; none where none does."""
        ids = self.spelling.encode([(mark.lstrip(), True)], first=False)
        return next((ids[: at + 1] for at, number in enumerate(ids) if number in self.ends), [])

    def _say(self, told: Told, said: Sequence[tuple[str, bool]]) -> None:
        """Append text; the end of a turn that the planner has written already is not written again."""
        ids = self.spelling.encode(said, first=not told.ids)
        end = told.ids[-1] if told.ids and told.written == len(told.ids) else None
        if end in self.ends and end in ids[: max(2, self._reach)]:
            ids = ids[ids.index(end) + 1 :]
        told.ids += ids


def _with_ids(message: Message, ids: Sequence[int] | None) -> dict[str, Any]:
    """A message as a dict, with the ids of its turn."""
    calls = [{"name": name, "args": arguments} for name, arguments in message.calls]
    known = {} if ids is None else {"completion_ids": list(ids)}
    return {
        "role": message.role,
        "content": message.content,
        "tool_calls": calls,
        "response_metadata": known,
        "additional_kwargs": {"example": message.example},
    }
