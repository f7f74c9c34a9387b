"""From what an app names to a graph, not yet compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from shlex import quote
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph

from agentmm.errors import ConfigError, TraceError, UsageError
from agentmm.registry import load_graph

Build = Callable[[Any, Sequence[Any]], StateGraph[Any]]
"""(planner, tools) -> the graph."""


def build_graph(graph: Any, planner: Any, tools: Sequence[Any], approval: Iterable[str]) -> tuple[str, StateGraph[Any]]:
    """Name and graph; see `choose_graph`."""
    name, build = choose_graph(graph, tools, approval)
    return name, build(planner, tools)


def choose_graph(graph: Any, tools: Sequence[Any], approval: Iterable[str]) -> tuple[str, Build]:
    """Name of a graph and what builds it; wrong names are refused here, before any weights load.

    Args:
        graph: a name, a module with `build`, a function `build(planner, tools, **options)`, or a `StateGraph`.
        tools: the tools.
        approval: tools whose calls wait for a person.

    Raises:
        ConfigError: it is none of these, or cannot ask for approval.
        UsageError: no graph of that name, or approval for a tool that is not there.
    """
    names = tuple(approval)
    _check_approval(names, tools)
    if isinstance(graph, StateGraph):
        if names:
            raise ConfigError(
                "a finished graph asks as it was built", got=names, mend="name the tools in its approve node"
            )
        return "own", lambda planner, tools: graph
    build, name = _builder(graph)
    options = {"approval": names} if "approval" in inspect.signature(build).parameters else {}
    if names and not options:
        raise ConfigError(
            f"graph {name!r} asks nobody for approval", got=names, mend="give its build an option approval"
        )
    return name, partial(build, **options)


def recorded_graph(name: str, given: Any = None) -> Any:
    """The graph that a trace was recorded from: the given one, else one of the package by its recorded name.

    A file or a module that a trace names is run only where somebody names it anew: traces may come from anywhere.

    Args:
        name: the recorded one.
        given: what `choose_graph` takes; None for the recorded one.

    Raises:
        TraceError: none is given, and the recorded name is none of the package's.
    """
    if given is not None:
        return given
    if name in ("", "own"):
        raise TraceError("this graph is not known by name", got=name, mend="replay(trace, store, graph=GRAPH)")
    if ":" in name:
        line = "a trace's own word is not enough to run a graph of a file or a module"
        raise TraceError(line, got=name, mend=f"agentmm traces replay --graph {quote(name)}, if you trust it")
    return name


def _check_approval(names: Sequence[str], tools: Sequence[Any]) -> None:
    """A gate with a wrong name would let every call through."""
    known = sorted(str(tool.name) for tool in tools)
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise UsageError(
                "approval is asked for a tool that is not there",
                got=name,
                expected=", ".join(known),
                mend=f"did you mean {near[0]}?" if near else None,
            )


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
