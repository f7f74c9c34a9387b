"""What a tool is: a typed function with a schema, a result with handles, a place to run."""

from agentmm.tool.params import Param
from agentmm.tool.recording import Recorded, error_observation, record_result
from agentmm.tool.result import ToolResult, rounded, stable_json
from agentmm.tool.tool import Tool, make_tool, tool

__all__ = [
    "Param",
    "Recorded",
    "Tool",
    "ToolResult",
    "error_observation",
    "make_tool",
    "record_result",
    "rounded",
    "stable_json",
    "tool",
]
