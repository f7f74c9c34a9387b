"""A planner for tests: calls every tool it is given once, with data that fit the schema, then answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.messages import AIMessage

from agentmm.media import Handles, Record
from agentmm.planner.policy import PolicyPlanner
from agentmm.planner.specs import spec_of
from agentmm.state.reading import question_messages
from agentmm.world.program import Call


class ExerciserPlanner(PolicyPlanner):
    """Calls each bound tool once, as soon as the media that it needs exist; tools that need others are left out."""

    planner_name: ClassVar[str] = "exerciser"

    @property
    def _llm_type(self) -> str:
        return "agentmm-exerciser"

    def decide(
        self, messages: Sequence[Any], tools: Sequence[Any], media: Mapping[str, Record]
    ) -> Sequence[Call] | str:
        """Every call that can be made now; else how many tools were called."""
        recent = question_messages(messages)
        called = {call["name"] for message in recent if isinstance(message, AIMessage) for call in message.tool_calls}
        waiting = [spec_of(tool) for tool in tools if spec_of(tool)["name"] not in called]
        possible = [call for spec in waiting if (call := fitting_call(spec, media)) is not None]
        return possible or f"called {len(called)} tools"


def fitting_call(spec: Mapping[str, Any], records: Mapping[str, Record]) -> Call | None:
    """A call of a tool with valid data; None while no medium of a needed kind exists.

    Args:
        spec: as from `spec_of`.
        records: media records by handle.
    """
    arguments: dict[str, Any] = {}
    for param in spec["params"]:
        if not param["required"]:
            continue
        value = _fitting(param, Handles(records))
        if value is None:
            return None
        arguments[param["name"]] = value
    return Call(spec["name"], arguments)


def _fitting(param: Mapping[str, Any], handles: Handles) -> Any:
    """A value for one parameter."""
    if param["accepts"]:
        fitting = [handle for modality in param["accepts"] for handle in handles.of_kind(modality)]
        return fitting[0] if fitting else None
    if param["choices"]:
        return param["choices"][0]
    return {"Number": 1, "Flag": False}.get(param["modality"], "1")
