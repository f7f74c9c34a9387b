"""A tool under another name and description; what it does and takes stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentmm.errors import ToolError
from agentmm.tool.definition import Tool


def renamed(tools: Iterable[Any], names: Mapping[str, tuple[str, str]]) -> list[Any]:
    """The tools, those among `names` under another name and description; others stay as they are.

    Args:
        tools: ours; LangChain's stay as they are.
        names: tool -> its other name and description.
    """
    return [
        _renamed(tool, *names[tool.name]) if isinstance(tool, Tool) and tool.name in names else tool for tool in tools
    ]


def _renamed(tool: Tool, name: str, says: str) -> Tool:
    def function(**given: Any) -> Any:
        try:
            return tool.function(**given)
        except ToolError as error:  # it names the tool, which this planner knows by another name
            raise ToolError(str(error).replace(tool.name, name)) from error

    return tool.model_copy(update={"name": name, "description": says, "function": function})
