"""What a tool is: a typed function with a schema, a result with handles, a place to run."""

from agentmm.tool.checking import check_arguments, handles_of, resolve_arguments
from agentmm.tool.params import Param
from agentmm.tool.recording import Recorded, error_observation, record_result
from agentmm.tool.result import ToolResult, rounded, stable_json
from agentmm.tool.running import run_tool
from agentmm.tool.tool import Tool, make_tool, tool

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
