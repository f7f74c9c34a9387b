"""A Python function as a planner: the shortest way to try a policy of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import Field, SkipValidation

from agentmm.media import Record
from agentmm.planner.policy import PolicyPlanner
from agentmm.world.program import Call


class FunctionPlanner(PolicyPlanner):
    """Asks a function for each step.

    Args:
        function: given messages, tools and media records; returns an `AIMessage`, a list of `Call`, or the answer.
    """

    function: SkipValidation[Callable[..., Any]] = Field(exclude=True)

    @property
    def planner_name(self) -> str:
        """How traces call it."""
        return f"function:{getattr(self.function, '__name__', type(self.function).__name__)}"

    @property
    def _llm_type(self) -> str:
        return "agentmm-function"

    def decide(
        self, messages: Sequence[Any], tools: Sequence[Any], media: Mapping[str, Record]
    ) -> Sequence[Call] | AIMessage | str:
        """What the function says."""
        return self.function(messages, tools, media)
