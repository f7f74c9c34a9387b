"""The recorder: a LangChain callback that writes what any LangGraph run does, as it happens.

Our own graphs send `agentmm.start`, `agentmm.step`, `agentmm.results` and `agentmm.end`. Foreign graphs send nothing:
there plans come from chat-model callbacks, tool results from tool callbacks *and* from node outputs (an unknown tool
fires no tool callback), and the answer from the last message.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agentmm.media.store import MediaStore
from agentmm.trace.lift import Lifter
from agentmm.trace.reading import (
    answer_in,
    is_pause,
    media_in,
    messages_in,
    plan_of,
    question_in,
    result_of,
    tool_messages,
    tools_of,
)
from agentmm.trace.run import Run, Tree
from agentmm.trace.store import TraceStore

TRACE_KEY = "agentmm_trace"
_INTERRUPTS = (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)


class Recorder(BaseCallbackHandler):
    """Records every run it is given to as a callback: `graph.invoke(..., {"callbacks": [Recorder(store)]})`.

    Each event is stored before its callback returns; a store that cannot be written ends the run with a `TraceError`.
    One recorder may serve parallel runs (`batch`, threads, `ainvoke`): each root run is a trace of its own.

    Args:
        store: where events go; the default trace store where None.
        media: where inline media of foreign graphs go; the default media store where None.
        trace_id: the id of the trace, for a recorder of one run (a resumed run goes on in its trace); else the run's
            metadata entry `agentmm_trace`, else the id in `agentmm.start`, else a new id.
        facts: further entries of the start event: `source`, `parent`.
    """

    raise_error = True
    run_inline = True

    def __init__(
        self,
        store: TraceStore | None = None,
        media: MediaStore | None = None,
        trace_id: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.store = store if store is not None else TraceStore()
        self.trace_ids: list[str] = []
        self._media, self._trace_id, self.facts = media, trace_id, dict(facts or {})
        self._lock = threading.RLock()
        self._runs: dict[UUID, Run] = {}
        self._tree = Tree()

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Begin a trace at a root run; note nodes."""
        with self._lock:
            about = metadata or {}
            if parent_run_id is None or parent_run_id not in self._tree.root:
                self._begin(run_id, inputs, about, kwargs.get("name"))
            else:
                self._tree.enter(run_id, parent_run_id)
            if about.get("langgraph_node") and about["langgraph_node"] == kwargs.get("name"):
                self._tree.nodes.add(run_id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take results and plans that no callback told of from a node's output; end the trace at the root."""
        with self._lock:
            run = self._run(run_id)
            if run is None:
                return
            if run_id in self._runs:
                self._finish(run, outputs)
                self._runs.pop(run_id, None)
                self._tree.forget(run_id)
            elif run_id in self._tree.nodes:
                self._from_node(run, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note an interrupt; end the trace as failed when the root fails."""
        with self._lock:
            run = self._run(run_id)
            if run is None:
                return
            if is_pause(error):
                run.paused = True
            if run_id in self._runs:
                self._fail(run, error)
                self._runs.pop(run_id, None)
                self._tree.forget(run_id)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note what a foreign planner is shown: its tools, its name, its media."""
        with self._lock:
            self._tree.enter(run_id, parent_run_id)
            run = self._run(run_id)
            if run is None:
                return
            run.opened[run_id] = len(run.opened)
            if run.ours:
                return
            run.began[run_id] = time.perf_counter()
            self._shown(run, messages)
            tools = tools_of(kwargs.get("invocation_params") or {})
            if run.start is not None:
                name = (metadata or {}).get("ls_model_name") or (serialized or {}).get("name") or ""
                run.start |= {"tools": tools, "planner": {"name": name}}
            elif tools and tools != run.tools:
                self._write(run, "tools", {"tools": tools})
            run.tools = tools or run.tools

    def on_llm_start(self, serialized: Any, prompts: list[str], *, run_id: UUID, **kwargs: Any) -> None:
        """Note a completion model's run."""
        with self._lock:
            self._tree.enter(run_id, kwargs.get("parent_run_id"))

    def on_llm_end(self, response: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any) -> None:
        """Write the plan."""
        with self._lock:
            run = self._run(run_id)
            generations = getattr(response, "generations", None)
            if run is None or self._tree.inside_tool(run_id) or not generations or not generations[0]:
                return
            message = getattr(generations[0][0], "message", None) or AIMessage(generations[0][0].text)
            if not run.wraps(run_id, message):
                self._plan(run, message, (parent_run_id, run_id), run.began.pop(run_id, None))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any) -> None:
        """Keep the ids of a step whose text could not be read."""
        with self._lock:
            run = self._run(run_id)
            for waiting in (run.steps.get(parent_run_id), run.steps.get(run_id)) if run is not None else ():
                if run is not None and waiting:
                    self._write(run, "plan", waiting.pop(0))

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **kwargs: Any) -> None:
        """Note when a tool began."""
        with self._lock:
            self._tree.enter(run_id, kwargs.get("parent_run_id"))
            self._tree.tools.add(run_id)
            run = self._run(run_id)
            if run is not None:
                run.began[run_id] = time.perf_counter()

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Write a foreign tool's result."""
        with self._lock:
            run = self._run(run_id)
            if run is None or run.ours or self._tree.inside_tool(self._tree.above.get(run_id)):
                return
            began = run.began.pop(run_id, None)
            seconds = 0.0 if began is None else time.perf_counter() - began
            self._results(run, tool_messages(messages_in(output)), seconds)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take what our own nodes and planners tell."""
        with self._lock:
            run = self._run(run_id)
            if run is None or not name.startswith("agentmm."):
                return
            if name == "agentmm.start":
                self._our_start(run, data)
            elif name == "agentmm.step":
                run.steps.setdefault(run_id, []).append(dict(data))
            elif name == "agentmm.results":
                self._our_results(run, data)
            elif name == "agentmm.end":
                run.ended = True
                self._write(run, "end", data)

    def _begin(self, run_id: UUID, inputs: Any, metadata: dict[str, Any], name: str | None) -> None:
        given = self._trace_id or metadata.get(TRACE_KEY)
        trace_id = str(given or uuid.uuid4().hex)
        run = Run(trace_id=trace_id, lifter=Lifter(self._media_store, {}), named_by_us=not given)
        self._runs[run_id] = run
        self._tree.plant(run_id)
        if trace_id not in self.trace_ids:
            self.trace_ids.append(trace_id)
        if self.store.has(trace_id):
            _resume(run, self.store)
            return
        said = list(messages_in(inputs))
        for message in said:
            if isinstance(message, AIMessage):
                run.remember(message)
        question = next((message for message in reversed(said) if isinstance(message, HumanMessage)), None)
        text = run.lifter.text(question.content)[0] if question is not None else question_in(inputs)
        run.start = {"graph": name or "", "question": text, "foreign": True, **self.facts}

    def _run(self, run_id: UUID) -> Run | None:
        root = self._tree.root.get(run_id)
        return None if root is None else self._runs.get(root)

    def _write(self, run: Run, kind: str, payload: dict[str, Any]) -> None:
        if run.start is not None:
            start, run.start = run.start, None
            self.store.append(run.trace_id, "start", start | {"media": run.new_media()})
        self.store.append(run.trace_id, kind, payload)

    def _shown(self, run: Run, messages: list[list[BaseMessage]]) -> None:
        for message in messages[0] if messages else []:
            for handle in run.lifter.text(message.content)[1]:
                if handle not in run.shown_media:
                    run.shown_media.add(handle)
                    run.prompt_media.append(str(run.lifter.records.get(handle, {}).get("sha", handle)))

    def _plan(self, run: Run, message: AIMessage, callers: tuple[UUID | None, ...], began: float | None) -> None:
        waiting = next((run.steps[key] for key in callers if run.steps.get(key)), None)
        plan = plan_of(message, waiting.pop(0) if waiting else None)
        if began is not None:
            plan.setdefault("counters", {}).setdefault("seconds", round(time.perf_counter() - began, 6))
        if not run.ours:
            plan["media"], run.prompt_media = plan.get("media") or run.prompt_media, []
            plan["records"] = {} if run.start is not None else run.new_media()
        if run.cut_off:
            plan["again"], run.cut_off = True, False
        run.remember(message)
        run.calls.update({call["id"]: (call["tool"], call["arguments"]) for call in plan["calls"]})
        self._write(run, "plan", plan)

    def _our_start(self, run: Run, data: dict[str, Any]) -> None:
        if run.start is not None and run.named_by_us and data.get("trace"):
            self.trace_ids[self.trace_ids.index(run.trace_id)] = run.trace_id = str(data["trace"])
        run.ours, run.start = True, None
        run.lifter.records.update(data.get("media") or {})
        run.written_media.update(run.lifter.records)
        self._write(run, "start", {**data, **self.facts})

    def _our_results(self, run: Run, data: dict[str, Any]) -> None:
        run.cut_off = False
        for result in data.get("results") or []:
            run.calls.pop(result.get("call"), None)
        media = data.get("media") or {}
        run.lifter.records.update(media)
        run.written_media.update(media)
        self._write(run, "results", data)

    def _results(self, run: Run, messages: list[ToolMessage], seconds: float = 0.0) -> None:
        """Write results of planned calls that have none yet."""
        fresh = [message for message in messages if message.tool_call_id in run.calls]
        if not fresh:
            return
        results = [result_of(message, run, seconds) for message in fresh]
        for message in fresh:
            run.calls.pop(message.tool_call_id, None)
        self._write(run, "results", {"results": results, "media": run.new_media()})

    def _from_node(self, run: Run, outputs: Any) -> None:
        run.lifter.records.update(media_in(outputs))
        messages = list(messages_in(outputs))
        for message in messages:
            if isinstance(message, AIMessage) and not run.ours and not run.already_said(message):
                self._plan(run, message, (), None)
        self._results(run, tool_messages(messages))
        if media := (run.start is None and run.new_media()):
            self._write(run, "media", {"media": media})

    def _finish(self, run: Run, outputs: Any) -> None:
        if run.ended:
            return
        if run.paused or (isinstance(outputs, dict) and outputs.get("__interrupt__")):
            self._write(run, "pause", {"status": "needs_approval"})
            return
        last = [message for message in messages_in(outputs) if isinstance(message, AIMessage)][-1:]
        answer = last[0].text if last else run.last_text or answer_in(outputs)
        self._write(run, "end", {"answer": answer, "status": "answered"})

    def _fail(self, run: Run, error: BaseException) -> None:
        if is_pause(error):
            self._write(run, "pause", {"status": "needs_approval"})
        elif not run.ended:
            said = "interrupted" if isinstance(error, _INTERRUPTS) else f"{type(error).__name__}: {error}"
            self._write(run, "error", {"error": " ".join(said.split())[:500]})

    def _media_store(self) -> MediaStore:
        if self._media is None:
            self._media = MediaStore()
        return self._media


def _resume(run: Run, store: TraceStore) -> None:
    """Bring a run to where its trace stands."""
    trace, events = store.get(run.trace_id), store.events(run.trace_id)
    run.ours = not events[0]["payload"].get("foreign")
    run.lifter.records.update(trace.media)
    run.written_media.update(trace.media)
    run.cut_off = run.ours and bool(trace.steps) and not trace.steps[-1].results
    done = {result.call for result in trace.calls}
    for step in trace.steps:
        run.spoken.update(call.id for call in step.plan.calls)
        run.calls.update({call.id: (call.tool, call.arguments) for call in step.plan.calls if call.id not in done})
