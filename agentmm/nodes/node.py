"""What nodes share: two functions as one runnable, and how a node tells those who listen."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    CallbackManager,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from agentmm.state import State


class Node(Runnable[State, dict[str, Any]]):
    """A node of a graph. LangGraph has a callback run for each node already; a second one inside would tell nothing.

    Outside a graph (`plan(planner).invoke(state)`) it is a run of its own.
    """

    @abstractmethod
    def run(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """The update of the state."""

    async def arun(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """The update of the state; the event loop goes on meanwhile. `run` where there is nothing to wait for."""
        return self.run(state, config)

    def invoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        """The update of the state."""
        if config is not None and _within_a_run(config):
            return self.run(input, config)
        return RunnableLambda(self.run, self.arun, name=self.name).invoke(input, config)

    async def ainvoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        """The update of the state, asynchronously."""
        if config is not None and _within_a_run(config):
            return await self.arun(input, config)
        return await RunnableLambda(self.run, self.arun, name=self.name).ainvoke(input, config)


def tell(name: str, data: dict[str, Any], config: RunnableConfig) -> None:
    """Send an event of the run to its callbacks, without setting them up anew."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, CallbackManager) and callbacks.parent_run_id is not None:
        callbacks.on_custom_event(name, data, run_id=callbacks.parent_run_id)
    else:
        dispatch_custom_event(name, data, config=config)


async def atell(name: str, data: dict[str, Any], config: RunnableConfig) -> None:
    """`tell` for async runs."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, AsyncCallbackManager) and callbacks.parent_run_id is not None:
        await callbacks.on_custom_event(name, data, run_id=callbacks.parent_run_id)
    else:
        await adispatch_custom_event(name, data, config=config)


def _within_a_run(config: RunnableConfig) -> bool:
    return getattr(config.get("callbacks"), "parent_run_id", None) is not None
