"""Tools that fail on purpose, so that traces show what a planner does then."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from agentmm.errors import ToolError
from agentmm.tool.cache import call_key
from agentmm.tool.definition import Tool

_WORDS = ("the model ran out of memory", "the result was lost", "the input could not be decoded", "internal error")


class Faults:
    """What shall go wrong in the run now going on.

    A fault is `{"tool": name, "kind": "error" | "empty", "times": n}`: the first n calls of the tool raise a
    `ToolError`, or return what they would return for a picture with nothing in it. Under `{"kind": "flaky",
    "share": p, "times": n}` each new call of any tool fails with that chance, the same call again does not, and n
    calls of a run at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault: dict[str, Any] | None = None
        self._left, self._salt = 0, 0
        self._made: set[str] = set()

    def plan(self, fault: dict[str, Any] | None, salt: int = 0) -> None:
        """Set the fault of the next run (None for none); `salt` picks the words of its error."""
        with self._lock:
            self._fault, self._left, self._salt = fault, int((fault or {}).get("times", 0)), salt
            self._made = set()

    def wrap(self, tools: Sequence[Any]) -> list[Any]:
        """The tools with faults; they run in this thread. Tools that are not ours stay as they are."""
        return [self._wrapped(tool) if isinstance(tool, Tool) else tool for tool in tools]

    def _wrapped(self, tool: Tool) -> Tool:
        function: Callable[..., Any] = tool.function

        def faulty(**arguments: Any) -> Any:
            kind = self._take(tool, arguments)
            if kind == "error":
                raise ToolError(f"{tool.name} failed: {_WORDS[self._salt % len(_WORDS)]}")
            value = function(**arguments)
            return emptied(value) if kind == "empty" else value

        return tool.model_copy(update={"function": faulty, "isolation": "thread", "reference": None})

    def _take(self, tool: Tool, arguments: dict[str, Any]) -> str | None:
        """The kind of fault of this call, if it has one."""
        with self._lock:
            if self._fault is None or self._left <= 0 or not self._meant(self._fault, tool, arguments):
                return None
            self._left -= 1
            return "empty" if self._fault["kind"] == "empty" else "error"

    def _meant(self, fault: dict[str, Any], tool: Tool, arguments: dict[str, Any]) -> bool:
        """Whether a fault is of this call."""
        if fault["kind"] != "flaky":
            return bool(fault["tool"] == tool.name)
        key = call_key(tool, arguments)
        new = key not in self._made
        self._made.add(key)
        drawn = hashlib.sha256(f"{self._salt} {key}".encode()).digest()[0] / 256
        return new and drawn < fault["share"]


def emptied(value: Any) -> Any:
    """What a tool returns when it finds nothing: no entries, counts of 0, no text."""
    if isinstance(value, dict):
        return {key: emptied(item) for key, item in value.items()}
    return type(value)() if isinstance(value, (list, str, int, float)) and not isinstance(value, bool) else value
