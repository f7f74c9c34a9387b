"""Constrained calls: the grammar of a completion under the tools' parameters and the handles that exist now.

A completion is an optional thought, then one or more calls or an answer. The grammar is compact: tool names and handles
are literals, strings are bounded, arguments stand in the order of the signature.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import MissingExtra, PlannerError

TEXT_BYTES = 160
"""Longest string argument, in characters."""

ANSWER_BYTES = 400
"""Longest answer, in characters."""

MAX_CALLS = 6
"""Most calls in one step."""

_NO_FORCING = '%llguidance {"no_forcing": true}'
"""Text that is forced stays in the model's own tokens.

Left alone, llguidance cuts forced text into tokens by itself, without what follows: before a choice of `image_1` and
`image_2` it forced `image`, `_` where training has one token `image_`, and the planner lost its way.
"""

_GRAMMARS = 64  # kept compiled: of so many sets of tools and handles

_MOST_FORCED = 24
"""More legal tokens than this are never one forced text."""

_STRING = rf'STRING: /"([^"\\<\x00-\x1f]|<[ 0-9=(.\-]|\\["\\\/bfnrt]){{0,{TEXT_BYTES}}}"/'
_QUOTED = rf"STRING: /'([^'\\<\x00-\x1f]|<[ 0-9=(.\-]|\\['\\n]){{0,{TEXT_BYTES}}}'/"
_BARE = rf"STRING: /([^<\x00-\x1f]|<[ 0-9=(.\-]){{0,{TEXT_BYTES}}}/"
_STRINGS = {"json": _STRING, "keywords": _QUOTED, "tags": _BARE, "quoted": _BARE}
_AROUND = {"json": ("{", "}"), "keywords": ("(", ")"), "tags": ("", ""), "quoted": ("{", "}")}
_THOUGHT = r"THOUGHT: /([^<\x00-\x09]){0,600}/"
_THINK = {True: "<think> THOUGHT </think> ", False: "", None: "(<think> THOUGHT </think>)? "}
_NUMBER = r"NUMBER: /-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?/"
_WHOLE = r"WHOLE: /-?(0|[1-9][0-9]{0,8})/"


class Syntax(NamedTuple):
    """How calls and answers are written; the marks are Lark expressions.

    Attributes:
        opening: before the first name.
        middle: between a name and its arguments.
        between: between one call's arguments and the next name; one for each further call where they differ.
        closing: after the last arguments.
        answer: regular expression of an answer, without slashes.
        said: regular expression of what may stand before calls; None for nothing.
        style: `json` for an object, `keywords` for Python's keyword arguments, `tags` for `<parameter=name>`, `quoted`
            for `{name:"text",other:2}` with quotes of its own.
        lead: what comes before everything else, as a Lark expression; empty for nothing.
        quote: around strings of the style `quoted`.
        ordered: whether arguments stand in the order of the alphabet, not of the signature.
        around_said: before and after text that stands before calls; empty for nothing.
        around_answer: before and after an answer; empty for nothing.
    """

    opening: str
    middle: str
    between: str | tuple[str, ...]
    closing: str
    answer: str
    said: str | None = None
    style: Literal["json", "keywords", "tags", "quoted"] = "json"
    lead: str = ""
    quote: str = '""'
    ordered: bool = False
    around_said: tuple[str, str] = ("", "")
    around_answer: tuple[str, str] = ("", "")


OURS = Syntax(
    opening=r'<tool_call> "{\"name\": \""',
    middle=r'"\", \"arguments\": "',
    between=r'"}" </tool_call> <tool_call> "{\"name\": \""',
    closing=r'"}" </tool_call>',
    answer=rf"[^<\x00-\x20]([^<\x00-\x1f]){{0,{ANSWER_BYTES}}}",
)
"""The wire of our own planners."""


def grammar(
    specs: Sequence[dict[str, Any]], handles: Sequence[str], *, think: bool | None = None, syntax: Syntax = OURS
) -> str:
    """The Lark grammar (llguidance's dialect) of every legal completion.

    Args:
        specs: tools, as `agentmm.planner.specs` describes them.
        handles: handles that exist now, for example `["image_1", "region_1"]`.
        think: whether a `<think>` block must come first; it may where None.
        syntax: how calls and answers are written.

    Returns:
        Lark text; a tool whose required media do not exist is not in it.
    """
    rules = [rule for spec in specs if (rule := _arguments(spec, handles, syntax)) is not None]
    said = "SAID" if not any(syntax.around_said) else "({} SAID {})".format(*syntax.around_said)
    answer = " ".join(filter(None, (syntax.around_answer[0], "ANSWER", syntax.around_answer[1])))
    calls = "calls" if syntax.said is None else f"{said}? calls"
    start = syntax.lead + _THINK[think] + (f"({calls} | {answer})" if rules else answer)
    lines = [_NO_FORCING, f"start: {start}", f"ANSWER: /{syntax.answer}/", _THOUGHT, _NUMBER, _WHOLE]
    lines += [_STRINGS[syntax.style], *([f"SAID: /{syntax.said}/"] if syntax.said is not None else [])]
    if rules:
        more = _more(syntax.between)
        lines += [f"calls: {syntax.opening} body {more} {syntax.closing}", f"body: {' | '.join(rules)}"]
    return "\n".join(lines)


def _more(between: str | tuple[str, ...]) -> str:
    """Calls after the first: any number of them up to the limit."""
    if isinstance(between, str):
        return f"({between} body){{0,{MAX_CALLS - 1}}}"
    more = ""
    for mark in reversed(between[: MAX_CALLS - 1]):
        more = f"({mark} body {more})?"
    return more


def _arguments(spec: dict[str, Any], handles: Sequence[str], syntax: Syntax) -> str | None:
    """One alternative of `body`: the whole call of one tool, or None where a required handle cannot be had."""
    values = {param["name"]: _value(param, handles, syntax) for param in spec["params"]}
    required = [param for param in spec["params"] if param["required"]]
    if any(values[param["name"]] is None for param in required):
        return None
    params = [param for param in spec["params"] if values[param["name"]] is not None]
    if syntax.ordered:
        params.sort(key=lambda param: param["name"].lower())
    begin, end = _AROUND[syntax.style]
    name = _literal(json.dumps(spec["name"])[1:-1])
    inside = _sequence(params, values, syntax, first=True)
    return f"{name} {syntax.middle} {_literal(begin)} {inside} {_literal(end)}"


def _sequence(params: Sequence[dict[str, Any]], values: dict[str, Any], syntax: Syntax, *, first: bool) -> str:
    """`"a": X, "b": Y`, `a=X, b=Y`, `a:X,b:Y` or `<parameter=a>...`, optional ones left out, commas between.

    What follows the first that is given stands once for each that may be it, so the text grows as the square of them.
    """
    if not params:
        return '""'
    param, rest = params[0], params[1:]
    before, after = _named(param["name"], syntax.style, first=first)
    given = f"{_literal(before)} {values[param['name']]} {_literal(after)}"
    after_it = f" {_sequence(rest, values, syntax, first=False)}" if rest else ""
    if param["required"]:
        return given + after_it
    if not first:
        return f"({given})?{after_it}"
    return f"({given}{after_it} | {_sequence(rest, values, syntax, first=True)})"


def _named(name: str, style: str, *, first: bool) -> tuple[str, str]:
    """What stands before and after the value of a parameter."""
    if style == "tags":
        return f"<parameter={name}>\n", "\n</parameter>\n"
    if style == "quoted":
        return ("" if first else ",") + f"{name}:", ""
    named = f"{json.dumps(name)}: " if style == "json" else f"{name}="
    return ("" if first else ", ") + named, ""


def _value(param: dict[str, Any], handles: Sequence[str], syntax: Syntax) -> str | None:
    """What may stand as the value of a parameter, or None where nothing may."""
    if param["accepts"]:
        legal = [handle for handle in handles if _fits(handle, param["accepts"])]
        return _one_of(legal, syntax) if legal else None
    if param["choices"]:
        return _one_of(param["choices"], syntax)
    if param["modality"] == "Flag":
        flag = repr if syntax.style == "keywords" else json.dumps
        return "(" + " | ".join(_literal(flag(value)) for value in (True, False)) + ")"
    if param["modality"] == "Number":
        return "WHOLE" if param["whole"] else "NUMBER"
    return f"{syntax.quote} STRING {syntax.quote}" if syntax.style == "quoted" else "STRING"


def _one_of(values: Sequence[Any], syntax: Syntax) -> str:
    """One of several values, as the style writes it."""
    if syntax.style == "quoted":
        return "(" + " | ".join(_quoted(value, syntax.quote) for value in values) + ")"
    written = {"json": json.dumps, "keywords": repr, "tags": str}[syntax.style]
    return "(" + " | ".join(_literal(written(value)) for value in values) + ")"


def _quoted(value: Any, quote: str) -> str:
    """A value between quotes, where it is text."""
    return f"{quote} {_literal(value)} {quote}" if isinstance(value, str) else _literal(json.dumps(value))


def _fits(handle: str, accepts: Sequence[str]) -> bool:
    """Whether a handle's kind is one of the accepted modalities; a region stands for its part of the image."""
    kind = handle.rsplit("_", 1)[0].capitalize()
    return kind in accepts or (kind == "Region" and "Image" in accepts)


def _literal(text: str) -> str:
    """A Lark string literal."""
    return json.dumps(text)


class Constraint:
    """One completion's matcher: which tokens are legal next.

    Args:
        tokenizer: what `matcher_tokenizer` made.
        lark: a grammar from `grammar`.
        vocabulary: number of token ids.
        text_of: the text of a token id.

    Raises:
        PlannerError: the grammar does not compile.
    """

    def __init__(self, tokenizer: Any, lark: str, vocabulary: int, text_of: Callable[[int], str] = str) -> None:
        from llguidance import LLMatcher

        self._matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(lark))
        self._vocabulary, self._text_of = vocabulary, text_of
        self._mask_bytes = -(-tokenizer.vocab_size // 32) * 4
        if self._matcher.is_error():
            raise PlannerError(f"the grammar of the calls does not compile: {self._matcher.get_error()}")

    def copy(self) -> Constraint:
        """Another one at the same place, which goes on by itself."""
        twin = copy.copy(self)
        twin._matcher = self._matcher.deep_copy()
        return twin

    def legal(self) -> NDArray[np.bool_]:
        """Mask of the tokens that may come next, bool `[V]`."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, count=self._vocabulary, bitorder="little").view(np.bool_)

    def forced(self, legal: NDArray[np.bool_]) -> bool:
        """Whether the grammar leaves one text: the legal tokens are one, or each begins the longest of them."""
        count = int(np.count_nonzero(legal))
        if not 1 < count <= _MOST_FORCED:
            return count == 1
        texts = sorted((self._text_of(int(token)) for token in legal.nonzero()[0]), key=len)
        return all(texts[-1].startswith(text) for text in texts)

    def ahead(self) -> list[int]:
        """The text that the grammar forces next, as tokens; the model may cut it into others, so they are a guess.

        A copy of the matcher works them out: one that has been asked for forced bytes says other things afterwards.
        """
        matcher = self._matcher.deep_copy()
        return matcher.compute_ff_tokens() if matcher.compute_ff_bytes() else []

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of the tokens, one after another from here, are legal."""
        return self._matcher.validate_tokens(list(tokens))

    def take(self, token: int) -> None:
        """Go on by one token.

        Raises:
            PlannerError: the token was not legal.
        """
        if not self._matcher.consume_token(token):
            raise PlannerError(f"token {token} is not legal here: {self._matcher.get_error()}")


def masks_of(constraints: Sequence[Any], guesses: Sequence[Sequence[int]]) -> list[NDArray[np.bool_] | None]:
    """What `legal` would give before each guess and after the last, of many constraints at once.

    Threads of llguidance work them out, and meanwhile Python's lock is free. No constraint moves on.

    Args:
        constraints: of the completions, all of one tokenizer.
        guesses: legal tokens from there on, none of them an end; for each constraint.

    Returns:
        For each bool `[1 + G, V]`; None where a constraint is none of ours, or llguidance too old for it.
    """
    ours = [(one, told) for one, told in zip(constraints, guesses, strict=True) if type(one) is Constraint]
    if not ours or (executor := _executor()) is None:
        return [None] * len(constraints)
    ends = list(accumulate((1 + len(told) for _, told in ours), initial=0))
    bits = np.zeros((ends[-1], ours[0][0]._mask_bytes), np.uint8)
    where = bits.ctypes.data, bits.shape[1], len(bits)
    alone = [(one._matcher, row) for (one, told), row in zip(ours, ends, strict=False) if not told]
    along = [(one._matcher, row, list(told)) for (one, told), row in zip(ours, ends, strict=False) if told]
    if alone:
        executor.unsafe_compute_mask_ptr(alone, *where)
    if along:
        executor.unsafe_compute_mask_ptr_with_draft_token(along, *where)
    legal = np.unpackbits(bits, axis=1, count=ours[0][0]._vocabulary, bitorder="little").view(np.bool_)
    made = iter([legal[begin:end] for begin, end in pairwise(ends)])
    return [next(made) if type(one) is Constraint else None for one in constraints]


@lru_cache(maxsize=1)
def _executor() -> Any:
    """Llguidance's threads; None where this version has none that look ahead."""
    from llguidance import LLExecutor

    return LLExecutor() if hasattr(LLExecutor, "unsafe_compute_mask_ptr_with_draft_token") else None


class Constraints:
    """Constraints of one tokenizer: a grammar is compiled once, and each completion goes on from a copy of its own.

    Args:
        tokenizer: what `matcher_tokenizer` made.
        vocabulary: number of token ids.
        text_of: the text of a token id.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, text_of: Callable[[int], str] = str) -> None:
        compiled = partial(Constraint, tokenizer, vocabulary=vocabulary, text_of=text_of)
        self._compiled = lru_cache(maxsize=_GRAMMARS)(compiled)

    def of(self, lark: str) -> Constraint:
        """A constraint at the beginning of a grammar from `grammar`.

        Raises:
            PlannerError: the grammar does not compile.
        """
        return self._compiled(lark).copy()


def matcher_tokenizer(tokenizer: Any, ends: Sequence[int] | None = None) -> Any:
    """Llguidance's view of a fast Hugging Face tokenizer.

    Args:
        tokenizer: the tokenizer.
        ends: ids of the tokens that end a completion; None for the wire's `<|end|>`.

    Raises:
        MissingExtra: llguidance is not installed.
    """
    try:
        import llguidance.hf
    except ImportError as error:
        raise MissingExtra("llguidance", "local") from error
    ends = [tokenizer.convert_tokens_to_ids("<|end|>")] if ends is None else list(ends)
    return llguidance.hf.from_tokenizer(tokenizer, n_vocab=len(tokenizer), eos_token=ends)


@lru_cache(maxsize=256)
def cached_grammar(specs_json: str, handles: tuple[str, ...], think: bool | None, syntax: Syntax = OURS) -> str:
    """`grammar` on hashable arguments: the same tools and handles come back many times in an episode."""
    return grammar(json.loads(specs_json), handles, think=think, syntax=syntax)
