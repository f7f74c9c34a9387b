"""Arguments of a call as text, in the styles that templates write them in, and read back; literals alone."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Style = Literal["json", "keywords", "tags", "quoted"]
"""`json`: an object; `keywords`: `(name="value", other=2)`; `tags`: `<parameter=name>` and a value in lines of their
own, text as it is and all else as JSON; `quoted`: `{name:"value",other:2}` with a mark of its own for the quotes."""

Parts = Iterator[tuple[str, bool]]
"""(text, whether it is the template's own mark)."""

_TAG = re.compile(r"\s*<parameter=([\w.\-]{1,80})>\n?(.*?)\n?</parameter>", re.DOTALL)
_LITERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null|None")
_KEY = re.compile(r"\s*([\w.\-]{1,80})\s*:")


def parts_of(arguments: Mapping[str, Any], style: Style, quote: str = "") -> Parts:
    """Arguments as a model writes them.

    Args:
        arguments: by name.
        style: how.
        quote: what stands around strings, where the style is `quoted`.
    """
    if style == "quoted":
        return _parts(dict(arguments), quote)
    return iter([(_text(arguments, style), False)])


def read_at(text: str, at: int, style: Style, quote: str = "") -> tuple[dict[str, Any], int] | None:
    """Arguments that begin near `at`, and where they end; None where they cannot be read."""
    at += len(text[at:]) - len(text[at:].lstrip())
    try:
        if style == "json":
            value, end = json.JSONDecoder().raw_decode(text, at)
        elif style == "tags":
            value, end = _tagged(text, at)
        elif style == "quoted":
            value, end = _object(text, at, quote)
        else:
            value, end = _keywords(text, at)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):  # `{[]: 1}`, or brackets in brackets
        return None
    return (value, end) if isinstance(value, dict) else None


def typed(given: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Texts of arguments as values: text where the schema takes text, else JSON where they are that."""
    fields = schema.get("properties", {})
    return {name: text if _takes_text(fields.get(name, {})) else _from_json(text) for name, text in given.items()}


def _text(arguments: Mapping[str, Any], style: Style) -> str:
    if style == "json":
        return json.dumps(dict(arguments), ensure_ascii=False)
    if style == "tags":
        told = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in arguments.items())
        return "".join(f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in told)
    return "(" + ", ".join(f"{name}={value!r}" for name, value in arguments.items()) + ")"


def _parts(value: Any, quote: str) -> Parts:
    """A value in the style `quoted`; the quotes are marks, what stands between them is not."""
    if isinstance(value, str):
        yield from ((quote, True), (value, False), (quote, True))
    elif isinstance(value, Mapping):
        for index, (name, inner) in enumerate(value.items()):
            yield f"{',' if index else '{'}{name}:", False
            yield from _parts(inner, quote)
        yield "}" if value else "{}", False
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield "," if index else "[", False
            yield from _parts(inner, quote)
        yield "]" if value else "[]", False
    else:
        yield json.dumps(value), False


def _object(text: str, at: int, quote: str) -> tuple[dict[str, Any], int]:
    """`{name:value,...}`, and where it ends.

    Raises:
        ValueError: it is something else.
    """
    given: dict[str, Any] = {}
    if not text.startswith("{", at):
        raise ValueError("no object")
    at += 1
    while not text.startswith("}", at):
        at += text.startswith(",", at) and bool(given)
        key = _KEY.match(text, at)
        if key is None:
            raise ValueError("no name")
        given[key[1]], at = _value(text, key.end(), quote)
    return given, at + 1


def _value(text: str, at: int, quote: str) -> tuple[Any, int]:
    """One value in the style `quoted`, and where it ends.

    Raises:
        ValueError: it is something else.
    """
    if text.startswith(quote, at):
        end = text.index(quote, at + len(quote))
        return text[at + len(quote) : end], end + len(quote)
    if text.startswith("{", at):
        return _object(text, at, quote)
    if text.startswith("[", at):
        found, at = [], at + 1
        while not text.startswith("]", at):
            at += text.startswith(",", at) and bool(found)
            value, at = _value(text, at, quote)
            found.append(value)
        return found, at + 1
    literal = _LITERAL.match(text, at)
    if literal is None:
        raise ValueError("no value")
    return json.loads(literal[0].replace("None", "null")), literal.end()


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
        if not isinstance(node, ast.Call) or node.args or any(word.arg is None for word in node.keywords):
            break
        return {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}, at + end
    raise ValueError("no keyword arguments")


def _takes_text(field: Mapping[str, Any]) -> bool:
    kinds = field.get("type", ())
    listed = [kinds] if isinstance(kinds, str) else kinds
    return "string" in listed or "enum" in field or any(_takes_text(one) for one in field.get("anyOf", ()))


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
