"""Draws a modality graph as text or as mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


def draw(graph: nx.MultiDiGraph, mermaid: bool = False) -> str:
    """The graph in words, one line a pair of modalities, or as a mermaid flowchart.

    Example:
        `Image -> Number, Region: detect, read_text`
    """
    return _mermaid(graph) if mermaid else _text(graph)


def _labels(graph: nx.MultiDiGraph) -> dict[tuple[str, str], list[str]]:
    """Tools between each pair of modalities, sorted."""
    found: dict[tuple[str, str], set[str]] = {}
    for begin, end, facts in graph.edges(data=True):
        found.setdefault((begin, end), set()).add(facts["tool"])
    return {pair: sorted(names) for pair, names in sorted(found.items())}


def _text(graph: nx.MultiDiGraph) -> str:
    """Two columns: what goes in and comes out, and the tools that do it."""
    labels = _labels(graph)
    width = max((len(f"{begin} -> {end}") for begin, end in labels), default=0)
    return "\n".join(f"{f'{begin} -> {end}':<{width}}  {', '.join(names)}" for (begin, end), names in labels.items())


def _mermaid(graph: nx.MultiDiGraph) -> str:
    """A flowchart from left to right."""
    lines = ["flowchart LR"]
    lines += [f"    {name}([{name}])" for name in sorted(graph.nodes)]
    lines += [f"    {begin} -- {', '.join(names)} --> {end}" for (begin, end), names in _labels(graph).items()]
    return "\n".join(lines)
