"""Factories without arguments, for `langgraph.json`: LangGraph's own server and studio take no others."""

from __future__ import annotations

import os
from typing import Any


def react() -> Any:
    """The graph react with the default tools and the planner of `$AGENTMM_PLANNER` (nano where unset)."""
    from agentmm.agent.agent import DEFAULT_TOOLS
    from agentmm.agent.building import build_graph
    from agentmm.planner import load_planner
    from agentmm.registry import load_tools

    planner = load_planner(os.environ.get("AGENTMM_PLANNER", "nano"))
    return build_graph("react", planner, load_tools(DEFAULT_TOOLS), ())[1].compile(name="react")
