"""The state a recorder keeps of one run, and of which run lies within which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.messages import AIMessage

from agentmm.trace.lift import Lifter


@dataclass
class Run:
    """One root run.

    Attributes:
        trace_id: where its events go.
        lifter: puts inline media in the store and holds handle to record.
        start: the start event of a foreign graph, not written yet.
        named_by_us: nobody gave the run's trace an id, so the graph may.
        ours: the graph sends `agentmm.start` itself.
        steps: ids of steps dispatched by a local planner, by the run that called it.
        cut_off: the last plan before a resume has no results: a plan that comes next is the same step once more.
        calls: planned call id to (tool, arguments), of calls without a result.
        spoken: message ids and texts that became plans.
        opened: chat model runs in the order they began.
        told: when the run of a plan began, and what it said.
    """

    trace_id: str
    lifter: Lifter
    start: dict[str, Any] | None = None
    named_by_us: bool = False
    ours: bool = False
    ended: bool = False
    paused: bool = False
    cut_off: bool = False
    steps: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    calls: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    spoken: set[str] = field(default_factory=set)
    began: dict[Any, float] = field(default_factory=dict)
    written_media: set[str] = field(default_factory=set)
    prompt_media: list[str] = field(default_factory=list)
    shown_media: set[str] = field(default_factory=set)
    tools: list[dict[str, Any]] = field(default_factory=list)
    last_text: str = ""
    opened: dict[Any, int] = field(default_factory=dict)
    told: list[tuple[int, str]] = field(default_factory=list)

    def new_media(self) -> dict[str, dict[str, Any]]:
        """Records that no event holds yet."""
        fresh = {key: value for key, value in self.lifter.records.items() if key not in self.written_media}
        self.written_media.update(fresh)
        return fresh

    def wraps(self, run_id: Any, message: AIMessage) -> bool:
        """Whether a model's run only passed on what a model within it said; notes what it said if not."""
        began = self.opened.get(run_id, len(self.opened))
        calls = [(call["name"], call["args"]) for call in message.tool_calls]
        said = repr((message.text, calls))
        if any(inner > began and said == words for inner, words in self.told):
            return True
        self.told.append((began, said))
        return False

    def already_said(self, message: AIMessage) -> bool:
        """Whether a message of a node's output is one that a planner callback has told of."""
        ids = [call["id"] for call in message.tool_calls if call["id"]]
        if message.id in self.spoken or (ids and all(call in self.spoken for call in ids)):
            return True
        return not message.tool_calls and message.text == self.last_text and bool(self.spoken)

    def remember(self, message: AIMessage) -> None:
        """Note a message as told."""
        self.spoken.update(key for key in (message.id, *(call["id"] for call in message.tool_calls)) if key)
        self.last_text = message.text


@dataclass
class Tree:
    """Which callback run lies within which.

    Attributes:
        root: run to the root run it belongs to.
        above: run to its parent.
        nodes: runs that are LangGraph nodes.
        tools: runs that are tool calls.
    """

    root: dict[UUID, UUID] = field(default_factory=dict)
    above: dict[UUID, UUID | None] = field(default_factory=dict)
    nodes: set[UUID] = field(default_factory=set)
    tools: set[UUID] = field(default_factory=set)

    def plant(self, run_id: UUID) -> None:
        """A new root."""
        self.root[run_id], self.above[run_id] = run_id, None

    def enter(self, run_id: UUID, parent: UUID | None) -> None:
        """A run within a known one; others are not ours."""
        if parent is not None and parent in self.root:
            self.root[run_id], self.above[run_id] = self.root[parent], parent

    def inside_tool(self, run_id: UUID | None) -> bool:
        """Whether a run happens within a tool: a tool's own model calls are no steps of this run."""
        while run_id is not None:
            if run_id in self.tools:
                return True
            run_id = self.above.get(run_id)
        return False

    def forget(self, root: UUID) -> None:
        """Drop a finished root and all within it."""
        for run_id in [run_id for run_id, top in self.root.items() if top == root]:
            self.root.pop(run_id, None)
            self.above.pop(run_id, None)
            self.nodes.discard(run_id)
            self.tools.discard(run_id)
