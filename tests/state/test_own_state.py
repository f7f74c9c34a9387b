"""A user's state that builds on ours keeps our reducers."""

from __future__ import annotations

from langgraph.graph import StateGraph

from agentmm.state import State


def tally(votes: int, weight: int) -> int:
    """A function of the user's that has the name of our reducer."""
    return votes * weight


class Mine(State, total=False):
    """Our state and one thing more."""

    votes: int


def test_a_name_in_the_user_s_module_replaces_no_reducer() -> None:
    steps = StateGraph(Mine).channels["steps"]
    assert getattr(steps, "operator") is not tally  # noqa: B009
    assert getattr(steps, "operator").__module__ == "agentmm.state.tally"  # noqa: B009
