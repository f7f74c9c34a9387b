"""The act node: makes the calls of a step side by side, then stores, numbers and reports what they gave."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from agentmm.errors import MediaError, ToolError
from agentmm.media import Handles, MediaStore, Record
from agentmm.nodes import budgets, calls
from agentmm.nodes.bounded import side_by_side
from agentmm.nodes.calls import Checked, Outcome
from agentmm.nodes.frozen import thaw
from agentmm.nodes.journal import Journal
from agentmm.nodes.node import Node, atell, tell
from agentmm.nodes.running import store_of
from agentmm.state import Pending, State, pending_calls
from agentmm.tool import error_observation, record_result


def act(tools: Sequence[Any]) -> Runnable[State, dict[str, Any]]:
    """A node that makes the planner's calls.

    Every call is checked before any runs. A `ToolError` goes back to the planner and costs one retry; anything else
    ends the run as `failed` with its trace intact. Each finished call is in the journal before the node goes on, so a
    killed run makes no finished call again. One that was cut off is made again only where its tool is pure and no
    person had to approve it; else the planner is told that it may have been done.

    Args:
        tools: ours or LangChain's.
    """
    return _Act(tools)


_IN_DOUBT = Outcome(error="the run was cut off during this call: it may have been done, and is not made again")
"""What is known, while it runs, of a call whose effect may matter: it is made at most once."""


class _Act(Node):
    name = "act"

    def __init__(self, tools: Sequence[Any]) -> None:
        self.tools = list(tools)

    def run(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """All pending calls, synchronously."""
        update, report = self._step(state, config)
        tell("agentmm.results", report, config)
        return update

    async def arun(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """All pending calls; the event loop goes on meanwhile."""
        update, report = await asyncio.to_thread(self._step, state, config)
        await atell("agentmm.results", report, config)
        return update

    def _step(self, state: State, config: RunnableConfig) -> tuple[dict[str, Any], dict[str, Any]]:
        """Update of the state, and the event that reports the results."""
        pending = pending_calls(state)
        outcomes = self._outcomes(pending, state, config)
        settled = _Settled(state.get("media", {}), store_of(config))
        for call, outcome in zip(pending, outcomes, strict=True):
            settled.add(call, outcome)
        report = {"step": state.get("steps", 0) - 1, "results": settled.results, "media": settled.made}
        return settled.update(budgets.timeout_words(budgets.settings_of(state))), report

    def _outcomes(self, pending: Sequence[Pending], state: State, config: RunnableConfig) -> list[Outcome]:
        """How each call ended; those in the journal are not made again."""
        journal, step = Journal.of(state.get("trace", ""), config), state.get("steps", 0)
        known = journal.read(step)
        records, store = state.get("media", {}), store_of(config)
        checked = [calls.check(call, self.tools, records, state.get("denied", [])) for call in pending]

        def make(call: Pending, ready: Checked | Outcome) -> Outcome:
            if call["id"] in known:
                return Outcome.from_json(known[call["id"]])
            if isinstance(ready, Outcome):
                return ready
            once = call["id"] in state.get("approved", []) or not getattr(ready.tool, "pure", False)
            if once:
                journal.write(step, call["id"], _IN_DOUBT.to_json())
            outcome = calls.run(ready, records, store, budgets.seconds_left(state, config), config)
            if not outcome.crash:
                journal.write(step, call["id"], outcome.to_json(), durable=once)
            return outcome

        return side_by_side([lambda c=call, r=ready: make(c, r) for call, ready in zip(pending, checked, strict=True)])


class _Settled:
    """Results of a step after their media got handles, in the order of the calls."""

    def __init__(self, records: dict[str, Record], store: MediaStore) -> None:
        self.handles, self.store = Handles(records), store
        self.messages: list[ToolMessage] = []
        self.results: list[dict[str, Any]] = []
        self.made: dict[str, Record] = {}
        self.crashes: list[str] = []

    def add(self, call: Pending, outcome: Outcome) -> None:
        """Number what one call made, and keep its message and its entry in the trace."""
        text, shown, made, error = self._read(outcome)
        self.made |= made
        facts = {"seconds": outcome.seconds, "media": list(made), "error": error}
        blocks = [{"type": self.handles.records[handle]["kind"], "file_id": handle} for handle in shown]
        content: Any = [{"type": "text", "text": text}, *blocks] if blocks else text
        status = "error" if error else "success"
        self.messages.append(
            ToolMessage(content, tool_call_id=call["id"], name=call["tool"], artifact=facts, status=status)
        )
        entry = {"call": call["id"], "tool": call["tool"], "arguments": call["arguments"], "observation": text}
        self.results.append({**entry, **facts})
        if outcome.crash:
            self.crashes.append(f"{call['tool']}: {error}")

    def update(self, timeout_words: str) -> dict[str, Any]:
        """The update of the state."""
        errors = sum(1 for result in self.results if result["error"])
        update = {"messages": self.messages, "media": self.made, "calls": len(self.results), "errors": errors}
        if self.crashes:
            update |= {"status": "failed", "reason": self.crashes[0]}
        return update

    def _read(self, outcome: Outcome) -> tuple[str, list[str], dict[str, Record], str | None]:
        """Observation, handles to show, new records, error."""
        if outcome.error is None:
            try:
                recorded = record_result(thaw(outcome.value, self.store), self.handles, self.store, outcome.given)
                return recorded.text, recorded.seen, recorded.made, None
            except (ToolError, MediaError) as error:
                return error_observation(error), [], {}, str(error)
        return error_observation(ToolError(outcome.error)), [], {}, outcome.error
