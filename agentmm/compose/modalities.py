"""The modality graph: modalities are nodes, and every tool is an edge from each it takes to each it gives."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from agentmm.tool import Tool

if TYPE_CHECKING:
    import networkx as nx

VIEWS = {"Region": ("Image", "Audio")}
"""What a handle may also stand for: a region is taken as the picture or clip inside it."""


def modality_graph(tools: Iterable[Any]) -> nx.MultiDiGraph:
    """The multigraph of tools.

    Args:
        tools: tools; those that are not ours are left out, as their modalities are unknown.

    Returns:
        Nodes are modalities; an edge has `tool` (a name), `argument`, `required` and `cost`.
    """
    import networkx as nx

    graph = nx.MultiDiGraph()
    for tool in tools:
        if isinstance(tool, Tool):
            _add(graph, tool)
    return graph


def _add(graph: nx.MultiDiGraph, tool: Tool) -> None:
    """Add one tool: from its media arguments, or from its plain ones when it takes no media."""
    params = list(tool.params.values())
    inputs = [param for param in params if param.is_media] or params
    for param, result in product(inputs, tool.returns):
        for modality in param.accepts or (param.modality,):
            key = f"{tool.name}.{param.name}"
            facts = {"tool": tool.name, "argument": param.name, "required": param.required, "cost": tool.cost}
            graph.add_edge(modality, result, key=key, **facts)


def find_compositions(
    tools: Iterable[Any], source: str, target: str, *, most_calls: int = 4, limit: int = 20
) -> list[list[str]]:
    """Chains of tools that lead from one modality to another, shortest and cheapest first.

    Args:
        tools: the tools that may be used, each at most once in a chain.
        source: what is there, such as `Image`.
        target: what is wanted, such as `Text`.
        most_calls: longest chain.
        limit: most chains.

    Returns:
        Lists of tool names; empty when there is no way.
    """
    tools = [tool for tool in tools if isinstance(tool, Tool)]
    cost = {tool.name: tool.cost for tool in tools}
    chains = {tuple(chain) for chain in islice(_chains(_call_graph(tools, source, target), most_calls), 5000)}
    ordered = sorted(chains, key=lambda chain: (len(chain), sum(cost[name] for name in chain), chain))
    return [list(chain) for chain in ordered[:limit]]


def _call_graph(tools: list[Tool], source: str, target: str) -> nx.DiGraph:
    """Tools as nodes, an edge where one's result fits the next; `source` before the first, `target` after the last."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from([(0, source), (1, target)])
    for tool in tools:
        if takes(tool, (source,)):
            graph.add_edge((0, source), tool.name)
        if target in tool.returns:
            graph.add_edge(tool.name, (1, target))
    for maker, taker in product(tools, tools):
        if maker is not taker and takes(taker, maker.returns):
            graph.add_edge(maker.name, taker.name)
    return graph


def _chains(graph: nx.DiGraph, most_calls: int) -> Iterable[list[Any]]:
    """Paths between the two ends, without the ends."""
    import networkx as nx

    begin, end = sorted(node for node in graph if isinstance(node, tuple))
    for path in nx.all_simple_paths(graph, begin, end, cutoff=most_calls + 1):
        yield path[1:-1]


def takes(tool: Tool, given: Iterable[str]) -> bool:
    """Whether a value of one of the given modalities can be an argument of a tool."""
    wanted = {name for param in tool.params.values() for name in (param.accepts or (param.modality,))}
    offered = set(given)
    for modality in tuple(offered):
        offered.update(VIEWS.get(modality, ()))
    return not wanted.isdisjoint(offered)
