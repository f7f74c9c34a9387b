"""Plans: calls that use each other's results, as a directed graph, in parallel levels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentmm.errors import CallError

if TYPE_CHECKING:
    import networkx as nx

_SOURCE = re.compile(r"\$([A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True)
class PlannedCall:
    """One call of a plan.

    Attributes:
        id: unique in the plan.
        tool: the tool's name.
        arguments: values and handles; `$id` or `$id.key` stands for what another call returns.
        after: ids of calls that must be over first, besides those named in arguments.
    """

    id: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, str]:
        """Argument name -> id of the call whose result it takes."""
        found = {}
        for name, value in self.arguments.items():
            if isinstance(value, str) and (match := _SOURCE.fullmatch(value)):
                found[name] = match[1]
        return found


def levels(plan: Sequence[PlannedCall]) -> list[list[str]]:
    """Order a plan into levels; the calls of one level can run at once.

    Raises:
        CallError: two calls have one id, a call needs one that is not there, or calls need each other in a circle.
    """
    import networkx as nx

    graph = _graph(plan)
    if not nx.is_directed_acyclic_graph(graph):
        circle = " -> ".join(edge[0] for edge in nx.find_cycle(graph))
        raise CallError("calls of a plan need each other in a circle", got=circle)
    place = {call.id: index for index, call in enumerate(plan)}
    return [sorted(level, key=place.__getitem__) for level in nx.topological_generations(graph)]


def _graph(plan: Sequence[PlannedCall]) -> nx.DiGraph:
    """Edges from each call to those that use it."""
    import networkx as nx

    graph = nx.DiGraph()
    for call in plan:
        if call.id in graph:
            raise CallError("two calls of a plan have one id", got=call.id)
        graph.add_node(call.id)
    for call in plan:
        for needed in (*call.sources.values(), *call.after):
            if needed not in graph:
                known = ", ".join(graph)
                raise CallError(f"call {call.id!r} needs a call that is not in the plan", got=needed, expected=known)
            graph.add_edge(needed, call.id)
    return graph
