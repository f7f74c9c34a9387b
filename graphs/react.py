"""plan -> (approve) -> act -> plan ... -> answer: the planner sees every result before its next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph

from agentmm.nodes import act, answer, approve, plan, route_with_approval
from agentmm.state import State


def build(planner: Any, tools: Sequence[Any], *, approval: Iterable[str] = ()) -> StateGraph[State]:
    """The graph, not compiled.

    Args:
        planner: a LangChain chat model.
        tools: what it may call.
        approval: tools whose calls wait for a person, besides those marked `needs_approval`.
    """
    names = tuple(approval)
    chosen = route_with_approval(tools, names)
    graph = StateGraph(State)
    graph.add_node("plan", plan(planner, tools))
    graph.add_node("approve", approve(tools, names))
    graph.add_node("act", act(tools))
    graph.add_node("answer", answer())
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", chosen, ["approve", "act", "answer"])
    graph.add_conditional_edges("approve", chosen, ["approve", "act", "answer"])
    graph.add_edge("act", "plan")
    graph.add_edge("answer", END)
    return graph
