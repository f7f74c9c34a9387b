"""A planner that says again what a trace says, with its recorded ids; after the trace's steps it may hand over.

With no successor it is the planner of a replay; with one, of a fork. Needs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManager, CallbackManagerForLLMRun, dispatch_custom_event
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import Field, SkipValidation

from agentmm.errors import PlannerError
from agentmm.trace.schema import PlanRecord


class RecordedPlanner(BaseChatModel):
    """Repeats recorded plans, one a step.

    Attributes:
        plans: the plans of the steps, in order.
        successor: a planner that goes on when the plans are over; None ends the run as the recorded one ended, out of
            time.
        failure: why the recorded planner failed after its last plan; None where it did not.
        cut_off: whether the limit of tokens ended its last plan, which is an answer.
        planner_name: how traces call it: as the recorded planner, or as the successor.
        weights_id: likewise.
    """

    takes_media: ClassVar[bool] = True

    plans: list[PlanRecord] = Field(default_factory=list)
    successor: SkipValidation[Any] = Field(default=None, exclude=True)
    failure: str | None = None
    cut_off: bool = False
    planner_name: str = ""
    weights_id: str | None = None

    @property
    def _llm_type(self) -> str:
        return "agentmm-recorded"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The planner itself; a successor gets the tools bound."""
        following = None if self.successor is None else self.successor.bind_tools(tools, **kwargs)
        return self.model_copy(update={"successor": following})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """The next recorded plan, or the successor's.

        Raises:
            PlannerError: the plans are over, and so did the recorded planner fail.
            TimeoutError: the plans are over and there is no successor.
        """
        said = sum(isinstance(message, AIMessage) for message in messages)
        if said < len(self.plans):
            message = repeated(self.plans[said])
            if self.cut_off and said == len(self.plans) - 1:
                message.response_metadata["finish_reason"] = "length"
            _report(self.plans[said], run_manager)
        elif self.failure is not None:
            raise PlannerError(self.failure)
        elif self.successor is None:
            raise TimeoutError("the recorded steps are over")
        else:
            message = self.successor.invoke(messages, below(run_manager), **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])


def repeated(plan: PlanRecord) -> AIMessage:
    """The message of a recorded plan; calls that could not be read stay invalid."""
    wrong = [call for call in plan.calls if set(call.arguments) == {"malformed"}]
    good = [call for call in plan.calls if call not in wrong]
    metadata = {} if plan.completion_ids is None else {"completion_ids": plan.completion_ids}
    read, wrote = (int(plan.counters.get(name, 0)) for name in ("input_tokens", "output_tokens"))
    return AIMessage(
        plan.text,
        tool_calls=[{"name": call.tool, "args": call.arguments, "id": call.id, "type": "tool_call"} for call in good],
        invalid_tool_calls=[
            {"name": call.tool or None, "args": call.arguments["malformed"], "id": call.id, "error": None,
             "type": "invalid_tool_call"}
            for call in wrong
        ],
        response_metadata=metadata,
        usage_metadata={"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote} if wrote else None,
    )  # fmt: skip


def _report(plan: PlanRecord, run_manager: CallbackManagerForLLMRun | None) -> None:
    """The step event of a plan that was recorded with ids, or with the media that a server was shown."""
    if run_manager is None or run_manager.parent_run_id is None or not (plan.has_ids or plan.media):
        return
    event = plan.model_dump(
        include={"prompt_ids", "completion_ids", "logp", "logp_sampled", "forced", "media", "counters"}
    )
    dispatch_custom_event("agentmm.step", event, config=below(run_manager))


def below(run_manager: CallbackManagerForLLMRun | None) -> RunnableConfig:
    """A config whose events and runs count as this chat model's own; LangChain has `get_child` for chains only."""
    if run_manager is None:
        return {}
    manager = CallbackManager(handlers=[], parent_run_id=run_manager.run_id)
    for handler in run_manager.inheritable_handlers:
        manager.add_handler(handler)
    return {"callbacks": manager}
