"""Keeps results of slow tools, so that the same call of the same medium runs once over many questions.

A result is found by tool, version, settings, plain arguments and content of the media. Only results of JSON types and
regions are kept; what makes pictures or clips runs again. On disk they are JSON files.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agentmm.media import Audio, Image, Mask, Region, Video
from agentmm.tool.definition import Tool
from agentmm.tool.result import ToolResult

_REGION = "$region"


class ResultCache:
    """Results in memory, and in a folder where one is given; threads and processes may share the folder.

    Args:
        folder: where results are kept between processes; None for memory alone.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self.hits = self.misses = 0
        self._memory: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def wrap(self, tools: Iterable[Any]) -> list[Any]:
        """The tools with remembered results; those that are not ours stay as they are."""
        return [self._wrapped(tool) if isinstance(tool, Tool) else tool for tool in tools]

    def call(self, tool: Tool, arguments: Mapping[str, Any]) -> ToolResult:
        """The result of a call, out of the cache or made now, in this thread.

        Raises:
            ToolError: the tool could not do what was asked; errors are not kept.
        """
        key = call_key(tool, arguments)
        kept = self._get(key)
        if kept is not None:
            return ToolResult(_thawed(kept), 0.0, tool.provenance)
        result = tool.call(**arguments)
        self._put(key, _frozen(result.value))
        return result

    def _wrapped(self, tool: Tool) -> Tool:
        def function(**given: Any) -> dict[str, Any]:
            return self.call(tool, {name: value for name, value in given.items() if name in tool.params}).value

        return tool.model_copy(update={"function": function, "isolation": "thread", "reference": None})

    def _get(self, key: str) -> dict[str, Any] | None:
        with self._lock:
            kept = self._memory.get(key)
        if kept is None and self.folder is not None:
            kept = _read(self._path(key))
        with self._lock:
            self.hits, self.misses = self.hits + (kept is not None), self.misses + (kept is None)
            if kept is not None:
                self._memory[key] = kept
        return kept

    def _put(self, key: str, value: dict[str, Any] | None) -> None:
        if value is None:
            return
        with self._lock:
            self._memory[key] = value
        if self.folder is not None:
            _write(self._path(key), value)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.json"


def call_key(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """SHA-256 of everything that a result depends on."""
    given = {name: _identity(value) for name, value in arguments.items()}
    text = json.dumps([tool.provenance, given], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(value: Any) -> Any:
    """JSON that is equal for equal arguments; a medium is its content and where it came from."""
    if isinstance(value, Region):
        return [value.kind, value.box, value.span, value.place.to_json(), _identity(value.image)]
    if isinstance(value, Image | Audio | Video | Mask):
        origin = getattr(value, "origin", None)
        return [value.kind, value.sha, None if origin is None else origin.to_json()]
    return value


class _NotKept(Exception):
    """A result holds media that a cache does not keep."""


def _frozen(value: dict[str, Any]) -> dict[str, Any] | None:
    """JSON of a result; None where it holds more than JSON types and regions."""
    try:
        return {key: _freeze(item) for key, item in value.items()}
    except _NotKept:
        return None


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _freeze(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_freeze(item) for item in value]
    if isinstance(value, Region) and value.mask is None:
        return {_REGION: value.to_json()}
    if isinstance(value, Region | Image | Audio | Video | Mask):
        raise _NotKept
    return value


def _thawed(value: Any) -> Any:
    if isinstance(value, list):
        return [_thawed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_REGION}:
        return Region.from_json(value[_REGION])
    return {key: _thawed(item) for key, item in value.items()}


def _read(path: Path) -> dict[str, Any] | None:
    """A kept result; None where there is none or the file is torn."""
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
    os.replace(draft, path)
