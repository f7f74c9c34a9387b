"""Traces to token rows: the only part of training that reads the trace store.

A trace's messages are rendered by the one renderer; turns with recorded ids keep them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmm.errors import MediaError
from agentmm.model.pixels import square_pixels
from agentmm.planner.render import Rendered, Renderer, Slot
from agentmm.trace.splits import TRAINED, split_of
from agentmm.train.rowset import PixelFile, Row, RowSet
from agentmm.world.program import said_aloud
from agentmm.world.sample import handles_of
from agentmm.world.sources import Medium

if TYPE_CHECKING:
    from agentmm.media import MediaStore
    from agentmm.trace import Trace, TraceStore


def messages_of(trace: Trace) -> list[dict[str, Any]]:
    """The conversation of a finished trace; an answer that was given after a last call ends it."""
    from agentmm.trace import to_messages

    messages = to_messages(trace)
    if trace.steps and trace.steps[-1].plan.calls and trace.answer:
        messages.append({"role": "assistant", "content": trace.answer})
    return messages


def without_thoughts(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation as a planner that does not think would have had it; recorded ids are left out."""
    return [_unthought(message) if message["role"] == "assistant" else message for message in messages]


def _unthought(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("tool_calls"):
        return {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}
    return {"role": "assistant", "content": said_aloud(message["content"])}


def render_trace(renderer: Renderer, trace: Trace, *, thoughts: bool = True) -> Rendered:
    """Token ids, loss mask and media of a whole trace, with its thoughts or without."""
    signatures = [tool.signature for tool in trace.tools if tool.signature]
    messages = messages_of(trace)
    return renderer.render(messages if thoughts else without_thoughts(messages), signatures, trace.media)


class TraceRows:
    """Token rows of a store's gold traces; asked again, it adds what has come since.

    Args:
        store: where the traces are.
        media: where their pictures are.
        renderer: the one renderer.
        folder: for the pictures' squares.
        size: side of the squares in px.
        split: split of the practice world whose questions are taken; traces without that label count as "train".
        longest: longer rows are left out, tokens.
        unthought: share of the traces that are rendered without their thoughts.
        own: (this process's number, how many processes): every process takes its share of the traces.

    Attributes:
        recipes: SHA-256 of a picture -> what the practice world drew it as, or what it was made from, if that is known.
    """

    def __init__(
        self,
        store: TraceStore,
        media: MediaStore,
        renderer: Renderer,
        folder: Path,
        *,
        size: int = 128,
        split: str = TRAINED,
        longest: int = 1536,
        unthought: float = 0.0,
        own: tuple[int, int] = (0, 1),
    ) -> None:
        self.store, self.media, self.renderer, self.split, self.longest = store, media, renderer, split, longest
        self.squares = PixelFile(folder / "squares.u8", size)
        self.rows: list[Row] = []
        self.families: list[str] = []
        self.unthought, self.own = unthought, own
        self.skipped = 0
        self.recipes: dict[str, Medium] = {}
        self._known: set[str] = set()

    def refresh(self) -> bool:
        """Read new traces; say whether there are more rows than before."""
        before, questions = len(self.rows), self._questions()
        new = [
            row["id"]
            for row in self.store.summaries(limit=None, newest_first=False, source="gold")
            if row["id"] not in self._known
        ]
        for trace_id in new:
            self._known.add(trace_id)
            if len(self._known) % self.own[1] != self.own[0]:
                continue
            asked = questions.get(trace_id, {})
            if split_of(asked) != self.split:
                continue
            row = self._row(self.store.get(trace_id), [Medium(**medium) for medium in asked.get("media", ())])
            if row is None:
                self.skipped += 1
            else:
                self.rows.append(row)
                self.families.append(str(asked.get("family", "")))
        return len(self.rows) > before

    def rowset(self) -> RowSet:
        """All rows so far.

        Raises:
            TrainError: there are none.
        """
        return RowSet.of(self.rows, self.squares.array(), self.squares.size)

    def _questions(self) -> dict[str, dict[str, Any]]:
        """Trace id -> what its label says of the question."""
        said = self.store.labelled("question")
        return {trace_id: value for trace_id, value in said.items() if isinstance(value, dict)}

    def _row(self, trace: Trace, media: Sequence[Medium] = ()) -> Row | None:
        """A trace as a row; None for one that did not end well, is too long, or has lost a picture.

        `media` are what the practice world drew for its question, where it says so.
        """
        if trace.status not in ("answered", "unanswerable"):
            return None
        thoughts = int(hashlib.sha256(trace.id.encode()).hexdigest()[:8], 16) / 16**8 >= self.unthought
        rendered = render_trace(self.renderer, trace, thoughts=thoughts)
        if len(rendered.ids) > self.longest:
            return None
        drawn = dict(zip(handles_of([medium.kind for medium in media]), media, strict=True))
        try:
            images = [self._square(trace, slot, drawn) for slot in rendered.media if slot.kind == "image"]
        except MediaError:
            return None
        return Row(rendered.ids, rendered.loss_mask, images)

    def _square(self, trace: Trace, slot: Slot, drawn: Mapping[str, Medium]) -> int:
        """The number of a picture's square, made on first use; notes what it was drawn as, or made from."""
        if slot.sha in self.squares:
            return self.squares.keys[slot.sha]
        record = trace.media[slot.handle]
        medium = drawn.get(record.get("of") or slot.handle)
        if medium is not None:
            self.recipes[slot.sha] = medium
        picture: Any = self.media.get(record)
        return self.squares.add(slot.sha, square_pixels(picture.pixels, self.squares.size))


def texts_of(store: TraceStore | None, limit: int = 4000) -> Iterator[str]:
    """Questions, calls, observations and answers of training's traces as plain text, for the tokenizer."""
    learnt = (trace for trace in store or () if split_of(trace.labels.get("question")) == TRAINED)
    for trace in islice(learnt, limit):
        yield from message_texts(messages_of(trace))


def message_texts(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Every text of a conversation, calls as JSON."""
    from agentmm.planner.render import call_text

    for message in messages:
        content = message["content"]
        parts = [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
        yield from (part for part in parts if part)
        yield from (call_text(call["name"], call["args"]) for call in message.get("tool_calls", ()))
