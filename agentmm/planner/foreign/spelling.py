"""Text as a foreign tokenizer's ids: special tokens count in a template's own marks, never in what people say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer

from agentmm.errors import PlannerError

_AFTER = "\ue000qzafterqz\ue000"
"""Stands before text that does not begin a conversation: some tokenizers put a space before what does."""

_LIKE_A_MARK = re.compile(r"[<\[|].*[>\]|]", re.DOTALL)


class Spelling:
    """Encodes with one tokenizer.

    Args:
        tokenizer: a fast one, of transformers.

    Raises:
        PlannerError: it is not a fast one.
    """

    def __init__(self, tokenizer: Any) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise PlannerError(
                "the model's tokenizer cannot be used", got=type(tokenizer).__name__, expected="one with tokenizer.json"
            )
        self.tokenizer = tokenizer
        self._plain = _without_marks(backend)
        self._marks = {str(token): (number, token) for number, token in tokenizer.added_tokens_decoder.items()}
        self._any_mark = re.compile("|".join(map(re.escape, sorted(self._marks, key=len, reverse=True))) or "(?!)")
        self.begin = self._begin()

    def _begin(self) -> int | None:
        """The id that the tokenizer puts before every text by itself, if any."""
        first, bos = self.tokenizer("a")["input_ids"][:1], self.tokenizer.bos_token_id
        return bos if first == [bos] else None

    def encode(self, parts: Sequence[tuple[str, bool]], *, first: bool) -> list[int]:
        """Ids of text that stands together.

        Args:
            parts: (text, whether its special tokens count).
            first: whether the conversation begins with it.
        """
        ids: list[int] = []
        stripped = False
        for text, mark in self._split(parts):
            if mark is not None:
                ids.append(mark[0])
                stripped = mark[1].rstrip
                continue
            text = text.lstrip() if stripped else text
            ids += self._text(text, alone=first and not ids)
            stripped = False
        if first and self.begin is not None and ids[:1] != [self.begin]:
            ids = [self.begin, *ids]
        return ids

    def _text(self, text: str, *, alone: bool) -> list[int]:
        """Ids of text without any special token."""
        text = text.replace(_AFTER, "")
        if not text:
            return []
        if alone:
            return self._plain.encode(text, add_special_tokens=False).ids
        return self._plain.encode(_AFTER + text, add_special_tokens=False).ids[1:]

    def _split(self, parts: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, tuple[int, Any] | None]]:
        """Text that is encoded in one go, and the special tokens between."""
        text = ""
        for part, counts in parts:
            at = 0
            for found in self._any_mark.finditer(part) if counts else ():
                number, token = self._marks[found[0]]
                before = text + part[at : found.start()]
                yield (before.rstrip() if token.lstrip else before), None
                yield found[0], (number, token)
                text, at = "", found.end()
            text += part[at:]
        yield text, None

    def special(self, text: str) -> list[tuple[str, int | None]]:
        """Text cut at the tokens that no plain text can be: (text, id), the id being None for what lies between."""
        cut: list[tuple[str, int | None]] = []
        at = 0
        for found in self._any_mark.finditer(text):
            number, token = self._marks[found[0]]
            if token.special:
                cut += [(text[at : found.start()], None), (found[0], number)]
                at = found.end()
        return [(part, number) for part, number in [*cut, (text[at:], None)] if part]


def _without_marks(backend: Any) -> Tokenizer:
    """The tokenizer for which marks are plain text: what looks like one is spelled out."""
    told = json.loads(backend.to_str())
    for token in told.get("added_tokens", ()):
        token["special"] = token["special"] or bool(_LIKE_A_MARK.fullmatch(token["content"]))
    plain = Tokenizer.from_str(json.dumps(told))
    plain.no_padding()
    plain.no_truncation()
    plain.add_tokens([AddedToken(_AFTER, normalized=False, special=False)])
    plain.encode_special_tokens = True
    return plain
