"""Letters that a model or a server writes and nobody can keep: halves of a UTF-16 pair, which JSON can spell alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")


def storable(value: Value) -> Value:
    r"""A value of JSON types whose texts can be stored: two halves of a pair become their letter, a lone one `?`.

    Args:
        value: text, or lists and mappings of texts to any depth; anything else is given back as it is.

    Example:
        `storable(["a\ud800b"])` is `["a?b"]`.
    """
    told: Any = value
    if isinstance(value, str):
        told = value if _kept(value) else _joined(value).encode("utf-8", "replace").decode()
    elif isinstance(value, Mapping):
        told = {storable(name): storable(inside) for name, inside in value.items()}
    elif isinstance(value, list):
        told = [storable(inside) for inside in value]
    return told


def _kept(text: str) -> bool:
    """Whether a text can be stored as it is."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _joined(text: str) -> str:
    """A text whose pairs are letters again; a stream may have parted them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
