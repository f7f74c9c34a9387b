"""Runs a call where it belongs: pure Python in this thread, everything that may hang in a worker process."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentmm.errors import ToolTimeout
from agentmm.media import Audio, Image, Region
from agentmm.tool.definition import Tool
from agentmm.tool.result import ToolResult


def run_tool(tool: Tool, arguments: Mapping[str, Any], timeout_s: float | None = None) -> ToolResult:
    """Run one call.

    Args:
        tool: the tool.
        arguments: media objects and plain values, as from `resolve_arguments`.
        timeout_s: seconds the call may take. With it, a tool whose isolation is `worker` runs in a worker process that
            is killed when the time is over; without it a tool runs in this thread, unless its memory is bounded.

    Returns:
        The result.

    Raises:
        ToolTimeout: the time was over.
        ToolError: the tool could not do what was asked.
        MissingExtra: its library is not installed.
        ToolCrash: it failed in a way it does not know itself.
    """
    if timeout_s is not None and not (math.isfinite(timeout_s) and timeout_s > 0):
        raise ToolTimeout(f"{tool.name} has no time left", got=timeout_s, expected="seconds above 0")
    unbounded = timeout_s is None and tool.memory_mb is None
    if unbounded or tool.isolation == "thread" or tool.reference is None:
        return tool.call(**arguments)
    from agentmm.tool.worker import WORKERS

    started = time.perf_counter()
    try:
        value = WORKERS.call(tool.reference, {**arguments, **tool.options}, timeout_s, tool.memory_mb)
    except ToolTimeout as error:
        raise ToolTimeout(f"{tool.name} was ended after {timeout_s:.3g} s") from error
    pictures = [item for item in arguments.values() if isinstance(item, Image | Audio)]
    return ToolResult(_placed(value, pictures), time.perf_counter() - started, tool.provenance)


def _placed(value: Any, given: list[Image | Audio]) -> Any:
    """The result of a worker, its regions joined again with the media they lie in."""
    if isinstance(value, dict):
        return {key: _placed(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, given) for item in value]
    if not isinstance(value, Region):
        return value
    return replace(value, image=next((item for item in given if item.place == value.origin), None))
