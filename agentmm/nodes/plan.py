"""The plan node: asks the planner for the next calls or the answer, within the budgets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from agentmm.errors import AgentmmError, ToolTimeout
from agentmm.nodes import budgets
from agentmm.nodes.bounded import bounded
from agentmm.nodes.node import Node, atell, tell
from agentmm.state import State, cut_off, with_own_ids

log = logging.getLogger(__name__)


def plan(planner: Any, tools: Sequence[Any] = ()) -> Runnable[State, dict[str, Any]]:
    """A node that takes one planner step.

    A spent budget ends the run before the planner is asked; what the planner raises ends it as `failed`.

    Args:
        planner: a LangChain chat model; local ones get the keyword arguments `media` (records) and `seed`.
        tools: what it may call.
    """
    return _Plan(planner, tools)


class _Plan(Node):
    """One planner with its tools bound."""

    name = "plan"

    def __init__(self, planner: Any, tools: Sequence[Any]) -> None:
        self.planner, self.tools = planner, list(tools)
        self.bound = planner.bind_tools(self.tools) if self.tools else planner

    def run(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """One step, synchronously."""
        ended = _ended(state, config)
        if _is_first(state):
            tell("agentmm.start", self._facts(state, config), config)
        if ended is not None:
            return ended
        left = budgets.seconds_left(state, config)
        try:
            said = bounded(lambda: self.bound.invoke(self._shown(state), config, **self._extras(state)), left)
        except (Exception, SystemExit) as error:
            return _failure(error, state)
        return _taken(said, state)

    async def arun(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """One step, asynchronously."""
        ended = _ended(state, config)
        if _is_first(state):
            await atell("agentmm.start", self._facts(state, config), config)
        if ended is not None:
            return ended
        left = budgets.seconds_left(state, config)
        try:
            said = await asyncio.wait_for(self.bound.ainvoke(self._shown(state), config, **self._extras(state)), left)
        except (Exception, SystemExit) as error:
            return _failure(error, state)
        return _taken(said, state)

    def _shown(self, state: State) -> list[BaseMessage]:
        """The conversation, after demonstrations where there are any and the planner takes them."""
        examples = state.get("examples") or []
        shown = as_messages(examples) if takes_examples(self.planner) else []
        return [*shown, *state.get("messages", [])]

    def _extras(self, state: State) -> dict[str, Any]:
        """What only planners of ours understand."""
        if not getattr(self.planner, "takes_media", False):
            return {}
        return {"media": state.get("media", {}), "seed": budgets.settings_of(state).seed}

    def _facts(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """The event that opens a trace."""
        configurable, described = config.get("configurable") or {}, _described(self.bound)
        return {
            "trace": state.get("trace"),
            "thread": configurable.get("thread_id"),
            "question": state.get("question", ""),
            "media": state.get("media", {}),
            **({"examples": shown} if (shown := state.get("examples")) else {}),
            "tools": [_tool_facts(tool) | described.get(tool.name, {}) for tool in self.tools],
            "settings": state.get("settings", {}),
            "seed": budgets.settings_of(state).seed,
            "graph": configurable.get("agentmm_graph") or "",
            "planner": {
                "name": planner_name(self.planner),
                "weights": getattr(self.planner, "weights_id", None),
                **({} if getattr(self.planner, "closes_turns", True) else {"closed": False}),
            },
        }


def takes_examples(planner: Any) -> bool:
    """Whether a planner is shown demonstrations: models are, programs and functions are not."""
    return bool(getattr(planner, "takes_examples", False))


def as_messages(examples: Sequence[dict[str, Any]]) -> list[BaseMessage]:
    """Messages of demonstrations, each marked as one."""
    marked = {"example": True}
    made: list[BaseMessage] = []
    for message in examples:
        content = message["content"]
        if message["role"] == "user":
            made.append(HumanMessage(content, additional_kwargs=marked))
        elif message["role"] == "tool":
            made.append(ToolMessage(content, tool_call_id=message["tool_call_id"], additional_kwargs=marked))
        else:
            calls = [{**call, "type": "tool_call"} for call in message.get("tool_calls") or ()]
            made.append(AIMessage(content, tool_calls=calls, additional_kwargs=marked))
    return made


def planner_name(planner: Any) -> str:
    """How traces call a planner: its own `planner_name`, else model and class."""
    own = getattr(planner, "planner_name", None)
    model = getattr(planner, "model_name", None) or getattr(planner, "model", None)
    return own or (f"{type(planner).__name__}:{model}" if isinstance(model, str) else type(planner).__name__)


def _tool_facts(tool: Any) -> dict[str, str]:
    return {
        "name": tool.name,
        "version": str(getattr(tool, "version", "")),
        "signature": str(getattr(tool, "told", "")),
    }


def _described(bound: Any) -> dict[str, dict[str, Any]]:
    """Name -> the tool as the planner was bound to it, where it tells: the line that it reads, or OpenAI's form."""
    specs = [spec for spec in getattr(bound, "kwargs", {}).get("tools") or () if isinstance(spec, dict)]
    told = {"schema": "described", "signature": "signature"}
    return {
        str(spec["name"]): {told[part]: spec[part] for part in told if part in spec} for spec in specs if "name" in spec
    }


def _is_first(state: State) -> bool:
    return not state.get("steps") and state.get("answer") is None


def _ended(state: State, config: RunnableConfig) -> dict[str, Any] | None:
    """The update of a run that takes no further step; None while it goes on."""
    if state.get("status"):
        return {"reason": state.get("reason")}
    reason = budgets.spent(state, config)
    return None if reason is None else {"status": "partial", "reason": reason}


def _failure(error: BaseException, state: State) -> dict[str, Any]:
    """The end of a run whose planner raised or took too long."""
    if isinstance(error, GraphBubbleUp):
        raise error
    if isinstance(error, ToolTimeout | TimeoutError):
        return {"status": "partial", "reason": budgets.timeout_words(budgets.settings_of(state))}
    log.info("the planner failed", exc_info=error)
    line = str(error) if isinstance(error, AgentmmError) else f"the planner failed: {type(error).__name__}: {error}"
    return {"status": "failed", "reason": " ".join(line.split())}


def _taken(said: BaseMessage, state: State) -> dict[str, Any]:
    """The update after a planner step."""
    message = with_own_ids(
        said if isinstance(said, AIMessage) else AIMessage(str(said.content)), state.get("messages", [])
    )
    tokens = (message.usage_metadata or {}).get("total_tokens", 0)
    update: dict[str, Any] = {"messages": [message], "steps": 1, "tokens": tokens}
    count = len(message.tool_calls) + len(message.invalid_tool_calls)
    if count == 0 and not message.text.strip():
        return {**update, "status": "failed", "reason": "the planner gave neither a call nor an answer"}
    if count == 0:
        cut = {"status": "partial", "reason": "the planner's answer was cut off by its limit of tokens"}
        return {**update, **cut} if cut_off(message) else update
    reason = budgets.forbids_calls(state, count, tokens)
    return update if reason is None else {**update, "status": "partial", "reason": reason}
