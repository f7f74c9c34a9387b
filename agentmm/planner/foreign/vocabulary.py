"""Whether a model's vocabulary has what every step needs: words, the marks of its template, its media, an end.

Marks may be spelled in pieces where their makers' are: words (`USER:`), and what has the form of a token and is none
(Granite Vision's `<|user|>`); of the latter doctor tells. But a turn must end with a token, or nobody would know that
it is over. And where marks are in pieces while the model ends with tokens that the tokenizer does not know, the
tokenizer's own were lost: a model that was trained on a token knows nothing of its pieces.
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
"""What has a token's form around a turn. Llama's `[INST]` is words, and thoughts may be."""

_MEND = "the tokenizer that came with the weights: tokenizer.save_pretrained(FOLDER)"


def check(chat: Any) -> None:
    """See, once before the first step, that the vocabulary has what every step needs.

    Args:
        chat: a `ForeignChat`.

    Raises:
        PlannerError: it knows no words, splits the mark that ends a turn, cannot spell a mark of its template, or lacks
            a token of its media or its ends.
    """
    tokenizer = chat.processor.tokenizer
    words = set(tokenizer("a b", add_special_tokens=False)["input_ids"]) - {tokenizer.unk_token_id}
    if not words:
        raise PlannerError("the model's tokenizer knows no words", got=f"{len(tokenizer)} tokens", mend=_MEND)
    _check_marks(chat)
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


def turns_plain(wire: Wire, spelling: Spelling) -> list[str]:
    """The marks around turns, of a token's form, that are no tokens of the vocabulary: written as plain text."""
    return [mark for mark, _ in _split(_around_turns(wire), spelling)]


def _check_marks(chat: Any) -> None:
    """See that a turn ends with a token, and that every mark can be written.

    Raises:
        PlannerError: one cannot, or the tokens of the marks were lost.
    """
    wire, spelling = chat.wire, chat.spelling
    turns = _around_turns(wire)
    unknown = next(iter(_unknown([*turns, *_found(_NAMED, _call_marks(wire))], spelling)), None)
    if unknown is not None:
        raise _lacking(f"{unknown} as an unknown token", "one token")
    split = dict(_split(turns, spelling))
    known = set(spelling.tokenizer.get_vocab().values())
    lost = [end for end in chat.ends if end not in known]
    if split and lost:
        mark, count = next(iter(split.items()))
        raise _lacking(
            f"{mark} as {count} tokens",
            f"one token: the model ends with token {lost[0]}, which the tokenizer does not know",
        )
    closing = wire.marks.assistant[1]
    ending = [mark for mark in _found(_TURNS, (closing,)) if mark in split]
    if ending and not set(chat.ends) & set(spelling.encode([(closing, True)], first=False)):
        raise _lacking(
            f"{ending[0]} as {split[ending[0]]} tokens",
            "one token, or an eos behind it: the model's turns end with it",
        )


def _lacking(got: str, expected: str) -> PlannerError:
    said = "the model's vocabulary lacks the marks of its chat template"
    return PlannerError(said, got=got, expected=expected, mend=_MEND)


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
    """Marks of turns that have the form of a token."""
    marks = wire.marks
    system = marks.system or ("", "")
    found = [
        *_found(_TURNS, (*marks.user, *marks.assistant, marks.turn)),
        *_found(_SURE, (marks.opening, *system)),
    ]
    return list(dict.fromkeys(found))


def _unknown(marks: Iterable[str], spelling: Spelling) -> Iterator[str]:
    """Marks of which the tokenizer makes its unknown token, so that nobody can write them."""
    unknown = spelling.tokenizer.unk_token_id
    for mark in marks:
        if unknown is not None and unknown in spelling.encode([(mark, True)], first=False):
            yield mark


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
