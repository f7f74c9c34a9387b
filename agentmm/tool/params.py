"""Parameters and results of a tool as modalities, read once from the annotations of its function.

Planner-facing parameters are positional; keyword-only parameters are *settings* that the app fixes and no planner sees.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from agentmm.errors import ConfigError
from agentmm.media import Audio, Image, Mask, Region, Video

MEDIA: dict[str, type] = {"Image": Image, "Audio": Audio, "Video": Video, "Region": Region, "Mask": Mask}
"""Modalities that are media, with their classes; their arguments are handles."""

PLAIN: dict[type, str] = {str: "Text", bool: "Flag", int: "Number", float: "Number"}
"""Plain Python types and their modalities."""

_JSON_TYPES = {"Text": "string", "Flag": "boolean", "Number": "number", "Choice": "string"}
_MISSING = inspect.Parameter.empty


@dataclass(frozen=True)
class Param:
    """One parameter of a tool.

    Attributes:
        name: its name.
        modality: `Image`, `Audio`, `Video`, `Region`, `Mask`, `Text`, `Number`, `Flag` or `Choice`.
        required: whether a call must give it.
        default: its value where a call does not.
        choices: the allowed values of a `Choice`.
        accepts: media modalities a handle may have; several for a union such as `Image | Audio`.
        whole: whether a number must be whole (`int`).
        description: what the docstring says of it.
    """

    name: str
    modality: str
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    whole: bool = False
    description: str = ""

    @property
    def is_media(self) -> bool:
        """Whether an argument is a handle."""
        return bool(self.accepts)

    @property
    def type_name(self) -> str:
        """How signatures write the type: `Image`, `Image|Audio`, `Text`, `a|b`."""
        return "|".join(self.accepts or self.choices or (self.modality,))

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the argument; media are strings, their handles."""
        if self.is_media:
            handles = " or ".join(f"{name.lower()}_1" for name in self.accepts)
            schema: dict[str, Any] = {"type": "string", "description": f"handle of existing media, such as {handles}"}
        else:
            schema = {"type": "integer" if self.whole else _JSON_TYPES[self.modality]}
        if self.choices:
            schema["enum"] = list(self.choices)
        if not self.required:
            schema["default"] = self.default
        if self.description:
            schema["description"] = "; ".join(filter(None, [self.description, schema.get("description")]))
        return schema


def read_params(function: Callable[..., Any], tool: str) -> tuple[dict[str, Param], dict[str, Param], tuple[str, ...]]:
    """Parameters, settings and result modalities of a function.

    Args:
        function: an annotated function with a Google-style docstring.
        tool: the tool's name, for messages.

    Returns:
        (parameters of a call, keyword-only settings, modalities of the result).

    Raises:
        ConfigError: an argument cannot be typed; the message names it.
    """
    hints = _hints(function, tool)
    notes = describe_arguments(function.__doc__ or "")
    params: dict[str, Param] = {}
    settings: dict[str, Param] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        where = f"{'setting' if keyword else 'argument'} {name!r} of tool {tool!r}"
        param = _param(parameter, hints.get(name, _MISSING), where, notes.get(name, ""), free=keyword)
        (settings if keyword else params)[name] = param
    return params, settings, tuple(dict.fromkeys(_modalities(hints.get("return", str))))


def _hints(function: Callable[..., Any], tool: str) -> dict[str, Any]:
    """The evaluated annotations of a function; media may be named without being imported."""
    scope = {**MEDIA, "Any": Any, "Literal": Literal}
    try:
        return typing.get_type_hints(function, localns={**scope, **getattr(function, "__globals__", {})})
    except (NameError, TypeError) as error:
        raise ConfigError(f"an annotation of tool {tool!r} cannot be read: {error}", mend="import the type") from error


def _param(parameter: inspect.Parameter, hint: Any, where: str, note: str, *, free: bool) -> Param:
    """One parameter; a `free` one (a setting) may have any type but must have a default."""
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise ConfigError(f"{where} has no fixed type", got=str(parameter), expected="single named arguments")
    required = parameter.default is _MISSING
    default = None if required else parameter.default
    if free:
        if required:
            raise ConfigError(f"{where} needs a default", mend=f"{parameter.name}=...")
        return Param(parameter.name, "Setting", False, default, description=note)
    if hint is _MISSING:
        raise ConfigError(f"{where} has no annotation", expected=_expected())
    modality, choices, accepts = _read_hint(hint, where)
    whole = hint is int or (isinstance(default, int) and int in typing.get_args(hint))
    param = Param(parameter.name, modality, required, default, choices, accepts, whole, note)
    _check_default(param, where)
    return param


def _read_hint(hint: Any, where: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """(modality, choices, accepted media) of an annotation."""
    if isinstance(hint, type) and hint in PLAIN:
        return PLAIN[hint], (), ()
    if typing.get_origin(hint) is Literal and all(isinstance(value, str) for value in typing.get_args(hint)):
        return "Choice", typing.get_args(hint), ()
    parts = [part for part in _union(hint) if part is not type(None)]
    media = tuple(name for part in parts if (name := _media_name(part)))
    if media and len(media) == len(parts):
        return media[0], (), media
    if parts and parts[0] is not hint and not media and (len(parts) == 1 or set(parts) <= {int, float}):
        return _read_hint(float if len(parts) > 1 else parts[0], where)
    raise ConfigError(f"{where} has a type that no planner can give", got=hint, expected=_expected())


def _expected() -> str:
    return f"{', '.join(MEDIA)}, str, int, float, bool or Literal of strings"


def _union(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _media_name(hint: Any) -> str:
    """The modality of a media class, '' for anything else."""
    return next((name for name, cls in MEDIA.items() if hint is cls), "")


def _check_default(param: Param, where: str) -> None:
    """Refuse a default that a call could not give itself; None is allowed for optional arguments."""
    if param.required or param.default is None:
        return
    if param.is_media or not fits(param, param.default):
        raise ConfigError(f"{where} has a default of another type", got=param.default, expected=param.type_name)


def fits(param: Param, value: Any) -> bool:
    """Whether a plain JSON value has the parameter's type (media: whether it is a string at all)."""
    if param.is_media or param.modality == "Text":
        return isinstance(value, str)
    if param.modality == "Choice":
        return isinstance(value, str) and value in param.choices
    if param.modality == "Flag":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == value and abs(value) < float("inf") and (not param.whole or float(value).is_integer())


def _modalities(hint: Any) -> Iterator[str]:
    """Modalities that occur in a result annotation, in order; plain dicts and unknown types count as Text."""
    if name := _media_name(hint):
        yield name
    elif isinstance(hint, type) and hint in PLAIN:
        yield PLAIN[hint]
    elif hint is type(None):
        return
    elif isinstance(hint, type) and (typing.is_typeddict(hint) or issubclass(hint, BaseModel)):
        for field in typing.get_type_hints(hint).values():
            yield from _modalities(field)
    elif typing.get_origin(hint) is Literal:
        yield "Text"
    elif typing.get_args(hint):
        yield from _nested(hint)
    else:
        yield "Text"


def _nested(hint: Any) -> Iterator[str]:
    """Modalities of the members of a union or container; the keys of a dict do not count."""
    members = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        members = members[1:]
    for member in members:
        if member is not Ellipsis:
            yield from _modalities(member)


def describe_arguments(docstring: str) -> dict[str, str]:
    """What the `Args:` section of a Google-style docstring says of each argument, on one line each."""
    found: dict[str, str] = {}
    current = ""
    for line in _args_section(inspect.cleandoc(docstring)):
        head, colon, rest = line.strip().partition(":")
        name = head.split("(")[0].strip().lstrip("*")
        if len(line) - len(line.lstrip()) == 4 and colon and name.isidentifier():
            current = name
            found[current] = rest.strip()
        elif current:
            found[current] = f"{found[current]} {line.strip()}".strip()
    return found


def _args_section(text: str) -> list[str]:
    """The indented lines after `Args:`."""
    lines = text.splitlines()
    if "Args:" not in lines:
        return []
    section = []
    for line in lines[lines.index("Args:") + 1 :]:
        if line.strip() and not line.startswith(" "):
            break
        section.append(line)
    return [line for line in section if line.strip()]
