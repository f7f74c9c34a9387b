"""Checks a call against a tool's parameters and the handles that exist, before anything runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentmm.errors import CallError
from agentmm.media import Handles, MediaStore, Record
from agentmm.tool.definition import Tool
from agentmm.tool.params import Param, fits

MAX_TEXT_CHARS = 20_000
"""Longest text argument."""

_LOCATION = re.compile(r"[/\\]|://|^data:|^~|\.[A-Za-z0-9]{2,5}$")


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word most like a mistyped one."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def nearest(word: str, known: Iterable[str], most: int = 3) -> str | None:
    """The known words most like a mistyped one, by commas; None where none is like it."""
    return ", ".join(difflib.get_close_matches(word, list(known), n=most, cutoff=0.5)) or None


def check_arguments(tool: Tool, arguments: Any, records: Mapping[str, Record]) -> dict[str, Any]:
    """Type-check the arguments of a call.

    Args:
        tool: the tool that is called.
        arguments: JSON object; media are handles.
        records: the run's media records.

    Returns:
        The arguments as the tool's types: whole numbers as int where it wants int.

    Raises:
        CallError: the message names the ill-typed argument and a repair.
    """
    if not isinstance(arguments, Mapping):
        raise CallError(f"arguments of {tool.name} are no object", got=arguments, expected=tool.signature)
    for name in arguments:
        if name not in tool.params:
            raise CallError(f"{tool.name} has no argument {name!r}", expected=tool.signature, mend=_named(tool, name))
    missing = [name for name, param in tool.params.items() if param.required and name not in arguments]
    if missing:
        raise CallError(f"{tool.name} lacks the argument {missing[0]!r}", got=dict(arguments), expected=tool.signature)
    handles = Handles(records)
    return {name: _checked(tool, tool.params[name], value, handles) for name, value in arguments.items()}


def resolve_arguments(
    tool: Tool, arguments: Mapping[str, Any], records: Mapping[str, Record], store: MediaStore
) -> dict[str, Any]:
    """Checked arguments with media objects in place of handles, ready for `Tool.call`.

    Raises:
        CallError: a handle does not stand for the parameter.
        MediaError: the store does not have the medium.
    """
    handles = Handles(records)
    return {name: _resolved(tool.params[name], value, handles, store) for name, value in arguments.items()}


def handles_of(tool: Tool, arguments: Mapping[str, Any]) -> list[str]:
    """The handles among a call's arguments, in the order of the parameters."""
    return [arguments[name] for name, param in tool.params.items() if param.is_media and name in arguments]


def _resolved(param: Param, value: Any, handles: Handles, store: MediaStore) -> Any:
    if not param.is_media:
        return value
    modality = next((name for name in param.accepts if value in handles.of_kind(name)), param.accepts[0])
    return handles.resolve(value, store, modality)


def _named(tool: Tool, name: str) -> str | None:
    """The repair of a mistyped argument name."""
    found = near(str(name), tool.params)
    return found if found else None


def _checked(tool: Tool, param: Param, value: Any, handles: Handles) -> Any:
    """One argument, converted."""
    where = f"argument {param.name!r} of {tool.name}"
    if param.is_media:
        return _checked_handle(where, param, value, handles)
    if not fits(param, value):
        mend = near(value, param.choices) if isinstance(value, str) and param.choices else None
        raise CallError(f"{where} is ill-typed", got=value, expected=_expected(param), mend=mend)
    if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
        raise CallError(f"{where} is too long", got=f"{len(value)} characters", expected=f"at most {MAX_TEXT_CHARS}")
    return int(value) if param.whole and param.modality == "Number" else value


def _expected(param: Param) -> str:
    """A parameter's type in words."""
    words = {"Text": "a string", "Number": "a number", "Flag": "true or false"}
    if param.choices:
        return " or ".join(repr(choice) for choice in param.choices)
    return "a whole number" if param.whole else words[param.modality]


def _checked_handle(where: str, param: Param, value: Any, handles: Handles) -> str:
    """A handle of the right kind; paths and URLs never name media."""
    kinds = " or ".join(param.accepts)
    usable = list(dict.fromkeys(handle for name in param.accepts for handle in handles.of_kind(name)))
    expected = f"{kinds}: {', '.join(usable)}" if usable else f"{kinds}, of which this run has none"
    if not isinstance(value, str):
        raise CallError(f"{where} is ill-typed", got=value, expected=expected)
    if value in usable:
        return value
    mend = near(value, usable) or (usable[0] if len(usable) == 1 else None)
    if value in handles.records:
        kind = handles.records[value]["kind"]
        raise CallError(f"{where} is ill-typed", got=f"{value} ({kind})", expected=expected, mend=mend)
    if _LOCATION.search(value):
        raise CallError(f"{where} names media by path or URL; handles alone are allowed", got=value, expected=expected)
    raise CallError(f"{where} names no existing media", got=value, expected=expected, mend=mend)
