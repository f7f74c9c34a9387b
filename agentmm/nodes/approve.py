"""Approval: a node of its own before `act`, so that asking runs no call and resuming runs none twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.types import interrupt

from agentmm.nodes.node import Node
from agentmm.state import Pending, State, pending_calls


def needs_approval(tool: Any, names: Iterable[str] = ()) -> bool:
    """Whether calls of a tool wait for a person: it is named, or marked `needs_approval` (attribute or metadata)."""
    marked = getattr(tool, "needs_approval", False) or (getattr(tool, "metadata", None) or {}).get(
        "needs_approval", False
    )
    return bool(marked) or tool.name in tuple(names)


def waiting(state: State, tools: Iterable[Any], names: Iterable[str]) -> list[Pending]:
    """The pending calls nobody has decided yet; what the question's own run was told to ask for is asked for too."""
    gated = (*names, *state.get("gated", []))
    asked = {tool.name for tool in tools if needs_approval(tool, gated)}
    decided = {*state.get("approved", []), *state.get("denied", [])}
    return [call for call in pending_calls(state) if call["tool"] in asked and call["id"] not in decided]


def approve(tools: Iterable[Any], names: Iterable[str] = ()) -> Runnable[State, dict[str, Any]]:
    """A node that stops the run until a person has decided.

    The interrupt's value is `{"calls": [...]}`; resume with `Command(resume={"approved": [ids], "denied": [ids]})`.
    Calls that are still undecided interrupt again, when the route leads here again.

    Args:
        tools: the tools of the graph.
        names: tools whose calls wait, besides those marked `needs_approval`.
    """
    return _Approve(tools, names)


class _Approve(Node):
    name = "approve"

    def __init__(self, tools: Iterable[Any], names: Iterable[str]) -> None:
        self.tools, self.names = list(tools), tuple(names)

    def run(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        calls = waiting(state, self.tools, self.names)
        if not calls:
            return {}
        decision = interrupt({"calls": calls})
        return {key: [*state.get(key, []), *decision.get(key, [])] for key in ("approved", "denied")}
