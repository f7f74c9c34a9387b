"""What a tool is: a typed function with a schema, a result with handles, a place to run.

Names are imported when they are used, so that a worker process, which needs few of them, starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmm.tool.checking import check_arguments, handles_of, resolve_arguments
    from agentmm.tool.decorator import tool
    from agentmm.tool.definition import Tool, make_tool
    from agentmm.tool.params import Param
    from agentmm.tool.recording import Recorded, error_observation, record_result
    from agentmm.tool.result import ToolResult, rounded, stable_json
    from agentmm.tool.running import run_tool

_HOMES = {
    "Param": "params",
    "Recorded": "recording",
    "Tool": "definition",
    "ToolResult": "result",
    "check_arguments": "checking",
    "error_observation": "recording",
    "handles_of": "checking",
    "make_tool": "definition",
    "record_result": "recording",
    "resolve_arguments": "checking",
    "rounded": "result",
    "run_tool": "running",
    "stable_json": "result",
    "tool": "decorator",
}

__all__ = [
    "Param",
    "Recorded",
    "Tool",
    "ToolResult",
    "check_arguments",
    "error_observation",
    "handles_of",
    "make_tool",
    "record_result",
    "resolve_arguments",
    "rounded",
    "run_tool",
    "stable_json",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
