"""Forks: a run that repeats a trace up to a step and goes on otherwise from there."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentmm.agent.building import build_graph, recorded_graph
from agentmm.media import default_home
from agentmm.nodes.journal import Journal
from agentmm.nodes.recorded import write_results
from agentmm.nodes.running import run_config, store_at
from agentmm.planner.recorded import RecordedPlanner
from agentmm.state import Settings, begin
from agentmm.trace import Recorder, Trace, TraceStore


def fork(
    trace: Trace,
    step: int,
    traces: TraceStore,
    planner: Any,
    tools: Sequence[Any],
    *,
    seed: int = 0,
    home: Path | str | None = None,
    graph: Any = None,
) -> Trace:
    """Repeat a trace's first steps from the record, then let a planner go on with the real tools.

    Args:
        trace: what is forked.
        step: index of the first step that is made anew; 0 makes all anew.
        traces: where the fork's trace goes, with `parent` set.
        planner: who goes on.
        tools: the tools, as the trace had them.
        seed: of everything that samples from here on.
        home: folder of the media store; the user's own where None.
        graph: what `Agent` takes; the trace's own graph by name where None.

    Returns:
        The fork's trace.

    Raises:
        MediaError: a medium of the repeated steps is gone.
        TraceError: the trace's graph is none of the package's, and none was given.
    """
    root = Path(home) if home is not None else default_home()
    name = getattr(planner, "planner_name", type(planner).__name__)
    plans = [recorded.plan for recorded in trace.steps[:step]]
    repeating = RecordedPlanner(
        plans=plans, successor=planner, planner_name=name, weights_id=getattr(planner, "weights_id", None)
    )
    graph_name, drawn = build_graph(recorded_graph(trace.graph, graph), repeating, tools, ())
    made = {handle for result in trace.calls for handle in result.media}
    given = {handle: record for handle, record in trace.media.items() if handle not in made}
    settings = Settings.of({**trace.settings, "seed": seed})
    trace_id = secrets.token_hex(8)
    recorder = Recorder(traces, trace_id=trace_id, facts={"source": "fork", "parent": trace.id})
    with tempfile.TemporaryDirectory() as folder:
        config = run_config(trace_id, root, callbacks=[recorder], graph=graph_name, agentmm_journal=folder)
        write_results(trace, step, Journal.of(trace_id, config), store_at(str(root / "media")))
        state = begin(trace.question, given, trace=trace_id, settings=settings, examples=trace.examples)
        drawn.compile(name=graph_name).invoke({**state, "started": time.time()}, config)
    if "question" in trace.labels:
        traces.label(trace_id, "question", trace.labels["question"])
    return traces.get(trace_id)
