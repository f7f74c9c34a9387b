"""A tool under another name and description; what it does and takes stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentmm.errors import ToolError
from agentmm.tool.definition import Tool


def renamed(tools: Iterable[Any], names: Mapping[str, tuple[str, str]]) -> list[Any]:
    """The tools, those among `names` under another name and description; others stay as they are.

    They run in this process, like tools that are wrapped by a cache or by faults, which they usually are already.

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
            raise type(error)(re.sub(rf"\b{re.escape(tool.name)}\b", name, str(error))) from error

    told = {"name": name, "description": says}
    return tool.model_copy(update={**told, "function": function, "isolation": "thread", "reference": None})
