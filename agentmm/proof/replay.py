"""Replay: a trace's plans and results through its graph, with no model and no tool; the hash must come out again."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentmm.agent.building import build_graph, recorded_graph
from agentmm.errors import AgentmmError, TraceError
from agentmm.media import MediaStore
from agentmm.nodes.journal import Journal
from agentmm.nodes.recorded import write_results
from agentmm.nodes.running import run_config
from agentmm.planner.recorded import RecordedPlanner
from agentmm.state import Settings, begin
from agentmm.tool import Tool
from agentmm.trace import Recorder, StepRecord, ToolRef, Trace, TraceStore, chain_of


@dataclass(frozen=True)
class Replayed:
    """What a replay showed.

    Attributes:
        same: the replayed run is the recorded one.
        hash: of the replayed run.
        expected: the recorded hash.
        step: index of the first step that differs; -1 for what was asked, the number of steps for the answer.
        detail: one line: what differs.
    """

    same: bool
    hash: str
    expected: str
    step: int | None = None
    detail: str = ""

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return "ok" if self.same else "failed"

    @property
    def summary(self) -> str:
        """One line: the hash, or what differs."""
        return f"hash {self.hash}" if self.same else self.detail

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {"verdict": self.status, "summary": self.summary, **vars(self)}


class RecordedTool(Tool):
    """A tool of a trace: name, version and signature, nothing that could run."""

    recorded: str = ""

    @property
    def signature(self) -> str:
        """As the planner was shown it."""
        return self.recorded

    @property
    def told(self) -> str:
        """As the planner was shown it: what was recorded holds what the tool does, where that was said."""
        return self.recorded


def replay(trace: Trace, store: MediaStore, *, graph: Any = None) -> Replayed:
    """Replay a trace.

    A trace that was cut off is compared as far as its finished steps go.

    Args:
        trace: what was recorded.
        store: its media; pixels of media that tools made must be there.
        graph: what `Agent` takes; the trace's own graph by name where None.

    Raises:
        TraceError: the trace was recorded from a graph that is none of the package's, and it was not given.
        MediaError: a medium is gone.
    """
    sealed, own = trace.chain or chain_of(trace), chain_of(trace)
    where = first_difference(sealed, own, _whole(trace))
    if where is not None:
        return Replayed(
            False, "", trace.hash, where, _told(trace, where, "the record was changed after it was written")
        )
    graph = recorded_graph(trace.graph, graph)
    try:
        again = rerun(trace, store, graph)
    except TraceError as error:
        return Replayed(False, "", trace.hash, None, str(error))
    where = first_difference(sealed, again.chain, _whole(trace))
    if where is not None:
        return Replayed(False, again.hash, trace.hash, where, _told(trace, where, "the graph went another way"))
    finished = trace.answer is not None
    return Replayed(not finished or again.hash == trace.hash, again.hash, trace.hash)


def rerun(trace: Trace, store: MediaStore, graph: Any = None) -> Trace:
    """The trace of a recorded planner with recorded results."""
    planner = RecordedPlanner(
        plans=[step.plan for step in trace.steps],
        failure=trace.error if trace.status == "failed" else None,
        cut_off=trace.status == "partial" and bool(trace.steps) and not trace.steps[-1].plan.calls,
        planner_name=trace.planner.name,
        weights_id=trace.planner.weights,
    )
    name, drawn = build_graph(recorded_graph(trace.graph, graph), planner, recorded_tools(trace.tools), ())
    made = {handle for result in trace.calls for handle in result.media}
    given = {handle: record for handle, record in trace.media.items() if handle not in made}
    trace_id = secrets.token_hex(8)
    state = begin(trace.question, given, trace=trace_id, settings=Settings.of(trace.settings), examples=trace.examples)
    with tempfile.TemporaryDirectory() as folder:
        traces = TraceStore(Path(folder) / "replay.db", batch=1000)
        recorder = Recorder(traces, trace_id=trace_id)
        places = {"agentmm_store": str(store.root), "agentmm_journal": folder}
        config = run_config(trace_id, folder, callbacks=[recorder], graph=name, **places)
        write_results(trace, None, Journal.of(trace_id, config), store)
        drawn.compile(name=name).invoke({**state, "started": time.time()}, config)
        again = traces.get(trace_id)
        traces.close()
    return again


def recorded_tools(tools: Sequence[ToolRef]) -> list[Tool]:
    """Stand-ins for a trace's tools."""
    return [
        RecordedTool(
            name=tool.name,
            description=f"recorded {tool.name}",
            args_schema={"type": "object", "properties": {}},
            function=_never,
            version=tool.version,
            recorded=tool.signature,
            isolation="thread",
        )
        for tool in tools
    ]


def first_difference(expected: Sequence[str], got: Sequence[str], whole: int) -> int | None:
    """Index of the first part of two chains that differs, counted from -1; None where the first `whole` are equal.

    Args:
        expected: hashes of the parts of a trace: header, steps, answer.
        got: the same of another.
        whole: how many parts must be equal.
    """
    for index in range(whole):
        if index >= len(got) or index >= len(expected) or expected[index] != got[index]:
            return index - 1
    return None


def _whole(trace: Trace) -> int:
    """How many parts of a trace are finished: its header, its steps with all results, its answer."""
    if trace.answer is not None:
        return len(trace.steps) + 2
    return 1 + sum(_finished(step) for step in trace.steps)


def _finished(step: StepRecord) -> bool:
    return len(step.results) >= len(step.plan.calls)


def _told(trace: Trace, where: int, why: str) -> str:
    """Where and why, in one line."""
    if where < 0:
        return f"what was asked differs: {why}"
    if where >= len(trace.steps):
        return f"the answer differs: {why}"
    calls = ", ".join(call.tool for call in trace.steps[where].plan.calls) or "no call"
    return f"step {where + 1} ({calls}) differs: {why}"


def _never(**_: Any) -> Any:
    raise AgentmmError("a replay calls no tool", mend="report this: the trace lacks a result")
