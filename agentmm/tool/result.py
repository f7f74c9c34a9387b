"""What a tool gives back, and its short, stable JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np

from agentmm.errors import ToolError
from agentmm.media import Audio, Image, Mask, Region, Video

MEDIA_CLASSES = (Image, Audio, Video, Region, Mask)
"""Objects that a result may hold anywhere and that the planner sees as handles."""

MAX_RESULT_BYTES = 100_000_000
"""Upper bound of one result: text, numbers, pixels and samples together."""


@dataclass(frozen=True)
class ToolResult:
    """What one call gave.

    Attributes:
        value: JSON types with media objects anywhere inside; a dict at the top.
        seconds: how long the call took.
        provenance: tool, version, settings and weights that made it.
    """

    value: dict[str, Any]
    seconds: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """A result as JSON types and media objects: models and dataclasses become dicts, arrays lists.

    Raises:
        ToolError: something inside is neither.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-8", "replace").decode()  # a lone surrogate can be stored nowhere
    if value is None or isinstance(value, (str, bool, int, *MEDIA_CLASSES)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float | Decimal | Fraction | np.generic):
        return _number(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _opened(value)


def _opened(value: Any) -> Any:
    """The parts of a model, dataclass, array or enum."""
    if _is_model(value):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Enum):
        return plain(value.value)
    expected = "dicts, lists, strings, numbers, booleans, None, pydantic models or media"
    raise ToolError("a tool returned something that is no JSON", got=type(value).__name__, expected=expected)


def _is_model(value: Any) -> bool:
    """Whether it is a pydantic model; pydantic is not loaded to find out."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise ToolError("a tool returned a dict with a key that is no string", got=key)


def _number(value: Any) -> Any:
    """A Python number; NaN and infinities have no JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str):
        return value
    number = float(value)
    if not math.isfinite(number):
        raise ToolError("a tool returned a number that is not finite", got=number)
    return number


def as_dict(value: Any) -> dict[str, Any]:
    """A plain result as a dict: one medium under its kind, anything else under `result`."""
    if isinstance(value, dict):
        return value
    if isinstance(value, MEDIA_CLASSES):
        return {type(value).modality.lower(): value}
    return {"result": value}


def stable_json(value: Any) -> str:
    """JSON of a value, equal for equal values: floats to 6 decimals (6 digits below 1), whole ones as integers.

    Example:
        `stable_json({"a": 12.50, "b": 1 / 3, "c": 2.0})` is `{"a": 12.5, "b": 0.333333, "c": 2}`.
    """
    return json.dumps(rounded(value), ensure_ascii=False, allow_nan=False)


def rounded(value: Any) -> Any:
    """The value with every float rounded as in `stable_json`; dicts keep their order."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        short = round(value, 6) if abs(value) >= 1 else float(f"{value:.6g}")
        return int(short) if short.is_integer() and abs(short) < 2**53 else short
    return value


def check_size(value: Any, limit: int = MAX_RESULT_BYTES) -> None:
    """Refuse a plain result beyond the bound.

    Raises:
        ToolError: it is larger than `limit` bytes.
    """
    size = size_of(value)
    if size > limit:
        raise ToolError("a tool returned too much", got=f"{size} bytes", expected=f"at most {limit} bytes")


def size_of(value: Any) -> int:
    """About how many bytes a plain result holds; pixels and samples included."""
    if isinstance(value, str):
        return len(value) + 2 if value.isascii() else len(value.encode("utf-8", "replace")) + 2
    if isinstance(value, dict):
        return sum(len(key) + 4 + size_of(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(2 + size_of(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return 8 + value.bit_length() // 3
    return 64 + int(getattr(value, "nbytes", 0) if isinstance(value, Image | Audio | Mask) else 0)
