"""Keys of servers: they come from the environment alone, and are blotted out of whatever a server says back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")

SHORTEST = 8
"""Characters of the shortest key that is looked for; shorter ones (`none`, `EMPTY`) are no secrets."""

BLOT = "***"
"""What stands in a key's place."""

_ENDINGS = ("_API_KEY", "_ACCESS_KEY", "_SECRET", "_TOKEN")


def keys_of(model: Any = None) -> list[str]:
    """The keys that must not be told, the longest first.

    Args:
        model: a LangChain chat model whose secret fields count too; the environment alone where None.
    """
    found = [value for name, value in os.environ.items() if name.upper().endswith(_ENDINGS)]
    inner = getattr(model, "bound", model)
    for name in getattr(type(inner), "model_fields", {}):
        reveal = getattr(getattr(inner, name, None), "get_secret_value", None)
        found += [str(reveal())] if reveal is not None else []
    return sorted({key for key in found if len(key) >= SHORTEST}, key=lambda key: (-len(key), key))


def hidden(value: Value, keys: Iterable[str]) -> Value:
    """A value of JSON types with `***` in place of every key.

    Args:
        value: text, or lists and mappings of texts to any depth; anything else is given back as it is.
        keys: as `keys_of` gives them.
    """
    keys = list(keys)
    told: Any = value
    if isinstance(value, str):
        for key in keys:
            told = told.replace(key, BLOT)
    elif isinstance(value, Mapping):
        told = {hidden(name, keys): hidden(inside, keys) for name, inside in value.items()}
    elif isinstance(value, list):
        told = [hidden(inside, keys) for inside in value]
    return told
