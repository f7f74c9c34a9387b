"""A planner that carries out a program: gold behaviour for data, tests and demonstrations. Needs no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from pydantic import Field, SkipValidation

from agentmm.errors import PlannerError
from agentmm.media import Record
from agentmm.planner.gold import gold_program
from agentmm.planner.policy import PolicyPlanner
from agentmm.state.reading import observation_text, question_messages
from agentmm.world.program import Call, ProgramFactory, advance


class ScriptedPlanner(PolicyPlanner):
    """Runs a program over what its steps have returned; keeps nothing between steps.

    Args:
        program: makes a fresh generator: it yields `list[Call]`, is sent `list[observation]`, returns the answer.
            None where `programs` has all, or for questions in the practice world's own wordings.
        programs: programs by question, for several questions with one planner; a question that neither has is looked
            up among the wordings of the practice world.
    """

    planner_name: ClassVar[str] = "scripted"

    program: SkipValidation[ProgramFactory | None] = Field(default=None, exclude=True)
    programs: SkipValidation[dict[str, ProgramFactory]] = Field(default_factory=dict, exclude=True)

    def __init__(self, program: ProgramFactory | None = None, **fields: Any) -> None:
        super().__init__(**{"program": program, **fields})

    @property
    def _llm_type(self) -> str:
        return "agentmm-scripted"

    def decide(
        self, messages: Sequence[Any], tools: Sequence[Any], media: Mapping[str, Record]
    ) -> Sequence[Call] | str:
        """What the program says after the steps so far; it knows its tools itself."""
        return advance(self._program_for(messages), history_of(messages))

    def _program_for(self, messages: Sequence[Any]) -> Callable[[], Any]:
        asked = [message for message in messages if isinstance(message, HumanMessage)]
        question = asked[-1].text if asked else ""
        found = self.programs.get(question, self.program) or gold_program(messages)
        if found is None:
            mend = "a wording of the practice world, or ScriptedPlanner(program)"
            raise PlannerError("the scripted planner has no program for this question", got=question, mend=mend)
        return found


def history_of(messages: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """For each finished step of the last question, the observations of its calls, in the order of the calls."""
    recent: list[AnyMessage] = question_messages(messages)
    results = {message.tool_call_id: message for message in recent if isinstance(message, ToolMessage)}
    steps = [message.tool_calls for message in recent if isinstance(message, AIMessage) and message.tool_calls]
    return [[json.loads(observation_text(results[str(call["id"])])) for call in calls] for calls in steps]
