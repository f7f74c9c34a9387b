"""A graph as Mermaid text."""

from __future__ import annotations

from agentmm.agent.building import build_graph
from agentmm.planner import load_planner


def drawing(name: str = "react") -> str:
    """Mermaid of a graph.

    Raises:
        UsageError: no graph of that name.
    """
    _, graph = build_graph(name, load_planner("exerciser"), [], ())
    return graph.compile(name=name).get_graph().draw_mermaid()
