"""A Python function as a planner: the shortest way to try a policy of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field, SkipValidation

from agentmm.planner.scripted import spoken


class FunctionPlanner(BaseChatModel):
    """Asks a function for each step.

    Args:
        function: given messages, tools and media records; returns an `AIMessage`, a list of `Call`, or the answer.
    """

    takes_media: ClassVar[bool] = True

    function: SkipValidation[Callable[..., Any]] = Field(exclude=True)

    @property
    def planner_name(self) -> str:
        """How traces call it."""
        return f"function:{getattr(self.function, '__name__', type(self.function).__name__)}"

    @property
    def _llm_type(self) -> str:
        return "agentmm-function"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The planner with the tools that its function is shown."""
        return self.bind(tools=list(tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = self.function(messages, kwargs.get("tools", []), kwargs.get("media") or {})
        message = said if isinstance(said, AIMessage) else spoken(said, messages)
        return ChatResult(generations=[ChatGeneration(message=message)])
