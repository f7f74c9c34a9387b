"""What all media share: a kind, and how pydantic and JSON Schema see them."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import numpy as np


class Media:
    """A medium; subclasses name their `kind` (`image`) and `modality` (`Image`).

    In pydantic models a medium is checked by its class only; in JSON Schema it is a string, its handle.
    """

    kind: ClassVar[str] = ""
    modality: ClassVar[str] = ""

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Unpickled arrays can be written to; media cannot.
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        word = cls.modality.lower()
        return {"type": "string", "description": f"handle of an existing {word}, such as {word}_1"}


def made_sha(kind: str, mode: str, shape: str, samples: memoryview | bytes) -> str:
    """Hash of a made medium: SHA-256 of kind, mode, size or rate, and raw samples."""
    digest = hashlib.sha256(f"{kind}\0{mode}\0{shape}\0".encode())
    digest.update(samples)
    return digest.hexdigest()
