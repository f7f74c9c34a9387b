"""A planner for tests: calls every tool it is given once, with data that fit the schema, then answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from agentmm.media import Handles, Record
from agentmm.planner.scripted import spoken
from agentmm.planner.specs import spec_of
from agentmm.state.reading import question_messages
from agentmm.world.program import Call


class ExerciserPlanner(BaseChatModel):
    """Calls each bound tool once, as soon as the media that it needs exist; tools that need others are left out."""

    takes_media: ClassVar[bool] = True
    planner_name: ClassVar[str] = "exerciser"

    @property
    def _llm_type(self) -> str:
        return "agentmm-exerciser"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The planner with the tools to call."""
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        recent = question_messages(messages)  # pyright: ignore[reportArgumentType]
        called = {call["name"] for message in recent if isinstance(message, AIMessage) for call in message.tool_calls}
        waiting = [spec_of(tool) for tool in kwargs.get("tools", ()) if spec_of(tool)["name"] not in called]
        possible = [call for spec in waiting if (call := fitting_call(spec, kwargs.get("media") or {})) is not None]
        said = possible or f"called {len(called)} tools"
        return ChatResult(generations=[ChatGeneration(message=spoken(said, messages))])


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
