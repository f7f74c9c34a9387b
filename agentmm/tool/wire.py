"""Values across a pipe between two processes of ours: a JSON head, then raw arrays; nothing is ever unpickled."""

from __future__ import annotations

import dataclasses
import importlib
import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from agentmm.errors import ToolError

_SIZES = struct.Struct("<QQ")
_OPEN = ("agentmm.media.", "agentmm.tool.reference")
"""Dataclasses of these modules alone may cross."""


def encode(value: Any, limit: int) -> list[bytes | memoryview]:
    """A value as chunks: sizes, JSON head, array bytes.

    Args:
        value: JSON types, tuples, arrays, paths, and dataclasses of the media room.
        limit: most bytes in all.

    Raises:
        ToolError: it is larger.
        TypeError: something inside cannot cross.
    """
    arrays: list[memoryview] = []
    head = json.dumps(_packed(value, arrays)).encode()
    body = sum(array.nbytes for array in arrays)
    if len(head) + body > limit:
        raise ToolError("a value is too large", got=f"{len(head) + body} bytes", expected=f"at most {limit} bytes")
    return [_SIZES.pack(len(head), body), head, *arrays]


def write(pipe: BinaryIO, value: Any, limit: int) -> None:
    """Write one value; see `encode`."""
    for chunk in encode(value, limit):
        pipe.write(chunk)
    pipe.flush()


def read(pipe: BinaryIO, limit: int) -> Any:
    """Read one value.

    Raises:
        EOFError: the other side is gone.
        ToolError: it is larger than `limit` bytes.
    """
    head_size, body_size = _SIZES.unpack(_exactly(pipe, _SIZES.size))
    if head_size + body_size > limit:
        raise ToolError("a value is too large", got=f"{head_size + body_size} bytes", expected=f"at most {limit} bytes")
    head = json.loads(_exactly(pipe, head_size))
    return _unpacked(head, memoryview(_exactly(pipe, body_size)))


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    """That many bytes; a pipe may give fewer at a time."""
    data = bytearray()
    while len(data) < size:
        chunk = pipe.read(min(size - len(data), 1 << 24))
        if not chunk:
            raise EOFError("the other process is gone")
        data += chunk
    return bytes(data)


def _packed(value: Any, arrays: list[memoryview]) -> Any:
    """JSON in which every object is `[tag, ...]`, so that no user data is mistaken for a tag."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return ["dict", [[key, _packed(item, arrays)] for key, item in value.items()]]
    if isinstance(value, list | tuple):
        return ["tuple" if isinstance(value, tuple) else "list", [_packed(item, arrays) for item in value]]
    if isinstance(value, np.ndarray):
        arrays.append(memoryview(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data))
        return ["array", value.dtype.str, list(value.shape)]
    if isinstance(value, Path):
        return ["path", str(value)]
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(_OPEN):
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return ["object", type(value).__module__, type(value).__name__, _packed(fields, arrays)]
    raise TypeError(f"{type(value).__name__} cannot cross between processes")


def _unpacked(head: Any, body: memoryview) -> Any:
    """The value of `_packed`; arrays are taken from the front of `body` in order."""
    return _Reader(body).value(head)


@dataclasses.dataclass
class _Reader:
    body: memoryview
    at: int = 0

    def value(self, packed: Any) -> Any:
        """One value."""
        if not isinstance(packed, list):
            return packed
        tag, *rest = packed
        if tag == "dict":
            return {key: self.value(item) for key, item in rest[0]}
        if tag in ("list", "tuple"):
            items = [self.value(item) for item in rest[0]]
            return items if tag == "list" else tuple(items)
        if tag == "array":
            return self._array(np.dtype(rest[0]), rest[1])
        return Path(rest[0]) if tag == "path" else self._object(*rest)

    def _array(self, dtype: np.dtype, shape: list[int]) -> np.ndarray:
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        start, self.at = self.at, self.at + size
        return np.frombuffer(self.body[start : self.at], dtype=dtype).reshape(shape)

    def _object(self, module: str, name: str, fields: Any) -> Any:
        if not module.startswith(_OPEN):
            raise TypeError(f"{module}.{name} may not cross between processes")
        return getattr(importlib.import_module(module), name)(**self.value(fields))
