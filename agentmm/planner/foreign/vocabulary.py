"""Whether a model's vocabulary has what every step needs: words, the marks of its template, its media, an end.

Marks that are words (`USER:`) may be spelled in pieces. What has the form of a token (`<|im_start|>`) must be one where
it opens or ends a turn: a model that was trained on the token knows nothing of its pieces. Those around calls are told
by doctor where they are written as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from agentmm.errors import PlannerError
from agentmm.planner.foreign.exactness import probe
from agentmm.planner.foreign.spelling import Spelling
from agentmm.planner.foreign.wire import Wire

_SURE = re.compile(r"<[|｜][^<>|｜\s]{1,60}[|｜]?>|<[^<>|｜\s]{1,60}[|｜]>")
"""What can be nothing but a token; some makers' bars are wide."""

_NAMED = re.compile(_SURE.pattern + r"|</?[A-Za-z_][\w.\-]{0,60}>|\[/?[A-Z][A-Z_]{0,60}\]")
"""What has a token's form; between turns and around calls."""

_TURNS = re.compile(_SURE.pattern + r"|<(?!/?think>)/?[A-Za-z_][\w.\-]{0,60}>")
"""What must be a token where it stands around a turn. Llama's `[INST]` is words, and thoughts may be."""

_MEND = "the tokenizer that came with the weights: tokenizer.save_pretrained(FOLDER)"


def check(chat: Any) -> None:
    """See, once before the first step, that the vocabulary has what every step needs.

    Args:
        chat: a `ForeignChat`.

    Raises:
        PlannerError: it knows no words, splits a mark of its template, or lacks a token of its media or its ends.
    """
    spelling, tokenizer = chat.spelling, chat.processor.tokenizer
    words = set(tokenizer("a b", add_special_tokens=False)["input_ids"]) - {tokenizer.unk_token_id}
    if not words:
        raise PlannerError("the model's tokenizer knows no words", got=f"{len(tokenizer)} tokens", mend=_MEND)
    lacking = [*_split(_around_turns(chat.wire), spelling), *_unknown(chat.wire, spelling)]
    if lacking:
        mark, count = lacking[0]
        pieces = f"{mark} as {count} tokens" if count > 1 else f"{mark} as an unknown token"
        raise PlannerError(
            "the model's vocabulary lacks the marks of its chat template",
            got=pieces,
            expected="one token",
            mend=_MEND,
        )
    rows = chat.model.get_input_embeddings().weight.shape[0]
    for kind in chat.pictures.kinds:
        _check_medium(chat, kind, rows)
    odd = [end for end in chat.ends if not isinstance(end, int) or not 0 <= end < rows]
    if odd:
        raise PlannerError(
            "the model's turns end with no token of its vocabulary",
            got=odd[0],
            expected=f"an eos_token_id below {rows}",
            mend="the generation_config.json that came with the weights",
        )


def written_plain(wire: Wire, spelling: Spelling) -> list[str]:
    """The marks around calls, of a token's form, that are no tokens of the vocabulary: written as plain text."""
    return [mark for mark, _ in _split(_found(_NAMED, _call_marks(wire)), spelling)]


def _check_medium(chat: Any, kind: str, rows: int) -> None:
    """See that the processor's tokens of a picture or a sound are tokens of the model."""
    name = {"image": "a picture", "audio": "a sound"}[kind]
    unknown = chat.processor.tokenizer.unk_token_id
    ids = chat.pictures.of(f"{kind}0", lambda _: probe(kind, 0, chat.pictures.rate_hz)).ids
    beyond = [token for token in ids if token >= rows]
    said = "the model's vocabulary lacks the marks of its processor"
    if beyond or unknown in ids:
        got = f"{name} becomes token {(beyond or [unknown])[0]}"
        raise PlannerError(said, got=got, expected=f"tokens below {rows}", mend=_MEND)
    config = chat.model.config
    own = [getattr(config, f"{kind}_token_{field}", None) for field in ("id", "index")]
    known = [number for number in own if isinstance(number, int)]
    if known and not set(known) & set(ids):
        got = f"{name} becomes tokens {sorted(set(ids))[:4]}"
        raise PlannerError(said, got=got, expected=f"token {known[0]} among them, as config.json says", mend=_MEND)


def _around_turns(wire: Wire) -> list[str]:
    """Marks of turns that must be tokens."""
    marks = wire.marks
    system = marks.system or ("", "")
    return [
        *_found(_TURNS, (*marks.user, *marks.assistant, marks.turn)),
        *_found(_SURE, (marks.opening, *system)),
    ]


def _unknown(wire: Wire, spelling: Spelling) -> Iterator[tuple[str, int]]:
    """Marks around calls of which the tokenizer makes its unknown token, so that nobody can write them."""
    unknown = spelling.tokenizer.unk_token_id
    for mark in _found(_NAMED, _call_marks(wire)):
        if unknown is not None and unknown in spelling.encode([(mark, True)], first=False):
            yield mark, 1


def _call_marks(wire: Wire) -> tuple[str, ...]:
    form = wire.form
    return form.opening, form.middle, form.between, form.closing, form.waits, form.quote


def _found(form: re.Pattern[str], texts: Iterable[str]) -> list[str]:
    """What has this form in texts, each once, in order."""
    return list(dict.fromkeys(found[0] for text in texts for found in form.finditer(text)))


def _split(marks: Iterable[str], spelling: Spelling) -> Iterator[tuple[str, int]]:
    """Marks that are not one known token, and of how many they are made."""
    for mark in marks:
        ids = spelling.encode([(mark, True)], first=False)
        if len(ids) != 1 or ids[0] == spelling.tokenizer.unk_token_id:
            yield mark, len(ids)
