"""Where a run goes after the planner has spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from agentmm.nodes.approve import waiting
from agentmm.state import State, pending_calls


def route(state: State) -> Literal["act", "answer"]:
    """`act` while calls wait and nothing has ended the run, else `answer`."""
    return "act" if not state.get("status") and pending_calls(state) else "answer"


def route_with_approval(tools: Iterable[Any], names: Iterable[str] = ()) -> Callable[[State], str]:
    """A route that also knows `approve`: there while a call waits for a person.

    Args:
        tools: the tools of the graph.
        names: tools whose calls wait, besides those marked `needs_approval`.
    """
    asked, known = tuple(names), list(tools)

    def chosen(state: State) -> Literal["approve", "act", "answer"]:
        where = route(state)
        return "approve" if where == "act" and waiting(state, known, asked) else where

    return chosen
