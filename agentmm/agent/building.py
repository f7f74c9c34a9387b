"""From what an app names to a compiled graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph

from agentmm.errors import ConfigError
from agentmm.registry import load_graph


def build_graph(graph: Any, planner: Any, tools: Sequence[Any], approval: Iterable[str]) -> tuple[str, StateGraph[Any]]:
    """Name and graph.

    Args:
        graph: a name, a module with `build`, a function `build(planner, tools, **options)`, or a `StateGraph`.
        planner: the planner.
        tools: the tools.
        approval: tools whose calls wait for a person.

    Raises:
        ConfigError: it is none of these, or cannot ask for approval.
        UsageError: no graph of that name.
    """
    names = tuple(approval)
    if isinstance(graph, StateGraph):
        if names:
            raise ConfigError(
                "a finished graph asks as it was built", got=names, mend="name the tools in its approve node"
            )
        return "own", graph
    build, name = _builder(graph)
    options = {"approval": names} if "approval" in inspect.signature(build).parameters else {}
    if names and not options:
        raise ConfigError(
            f"graph {name!r} asks nobody for approval", got=names, mend="give its build an option approval"
        )
    return name, build(planner, tools, **options)


def _builder(graph: Any) -> tuple[Callable[..., Any], str]:
    if isinstance(graph, str):
        return load_graph(graph), graph
    if isinstance(graph, ModuleType) and hasattr(graph, "build"):
        return graph.build, graph.__name__.rpartition(".")[2]
    if callable(graph):
        return graph, getattr(graph, "__name__", "own")
    raise ConfigError(
        "not a graph", got=graph, expected="a name, a module with build, a build function or a StateGraph"
    )
