"""What planners without a model share: a subclass says what comes next, and its words become a message."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from agentmm.errors import PlannerError
from agentmm.media import Record
from agentmm.world.program import Call


class PolicyPlanner(BaseChatModel):
    """Asks its `decide` for each step."""

    takes_media: ClassVar[bool] = True

    @abstractmethod
    def decide(
        self, messages: Sequence[Any], tools: Sequence[Any], media: Mapping[str, Record]
    ) -> Sequence[Call] | AIMessage | str:
        """What comes next: calls, the answer in words, or a whole message.

        Args:
            messages: the conversation.
            tools: those bound.
            media: media records by handle.
        """

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The planner with the tools that its `decide` is shown."""
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = self.decide(messages, kwargs.get("tools", []), kwargs.get("media") or {})
        message = said if isinstance(said, AIMessage) else spoken(said, messages)
        return ChatResult(generations=[ChatGeneration(message=message)])


def spoken(said: Sequence[Call] | str, messages: Sequence[Any]) -> AIMessage:
    """The message for the calls of a step, or for an answer; call ids count through the conversation.

    Raises:
        PlannerError: it is neither.
    """
    if isinstance(said, str):
        return AIMessage(said)
    if not isinstance(said, Sequence) or not all(isinstance(call, Call) for call in said):
        raise PlannerError(
            "the planner said nothing usable", got=said, expected="an AIMessage, a list of Call, or text"
        )
    first = 1 + sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))
    calls = [
        {"name": call.tool, "args": dict(call.arguments), "id": f"call_{first + index}", "type": "tool_call"}
        for index, call in enumerate(said)
    ]
    return AIMessage(said[0].thought if said else "", tool_calls=calls)
