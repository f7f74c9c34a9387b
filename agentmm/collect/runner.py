"""One agent that makes many runs: graph and tools are built once, nothing but trace and media is kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentmm.agent.building import build_graph
from agentmm.collect.failures import planner_failed
from agentmm.media import Audio, Image, Record, default_home
from agentmm.nodes.running import numbered, run_config, store_at
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.state import Settings, begin
from agentmm.tool.faults import Faults
from agentmm.tool.renaming import renamed
from agentmm.trace import Recorder, Trace, TraceStore
from agentmm.world.sample import Question

Score = Callable[[Question, str], bool]
"""Whether an answer to a question is right."""

Names = Mapping[str, tuple[str, str]]
"""Tool -> another name and description."""


class Runner:
    """Makes runs of world questions.

    Args:
        traces: where traces go.
        tools: tools, ours or LangChain's.
        planner: a planner; None carries out each question's gold program.
        graph: name of a graph, or what `Agent` takes.
        home: folder of the media store; the user's own where None.
        score: says whether an answer is right; None leaves traces without outcome.
        with_faults: let tools fail where a question says so.
        **budgets: see `Settings`.
    """

    def __init__(
        self,
        traces: TraceStore,
        tools: Sequence[Any],
        planner: Any = None,
        *,
        graph: Any = "react",
        home: Path | str | None = None,
        score: Score | None = None,
        with_faults: bool = True,
        **budgets: Any,
    ) -> None:
        self.traces, self.score, self.budgets = traces, score, budgets
        self.home = Path(home) if home is not None else default_home()
        self._faults, self._question = Faults(), None
        made = self._faults.wrap(tools) if with_faults else list(tools)
        self.planner = planner if planner is not None else ScriptedPlanner(self._program)
        self._graph, self._tools = graph, made
        self.graph_name, self.graph = self._compiled(made)
        self._named: tuple[Names | None, Any] = (None, self.graph)
        self._records: dict[Any, dict[str, Record]] = {}

    def run(
        self,
        question: Question,
        *,
        source: str,
        seed: int = 0,
        parent: str | None = None,
        names: Names | None = None,
    ) -> Trace:
        """Ask one question and label its trace with the question and, where there is a scorer, the outcome.

        A sample whose planner failed has no outcome: it says nothing of how the planner answers.

        Args:
            question: of the practice world.
            source: `gold` or `sampled`.
            seed: of everything that samples.
            parent: the trace this run was forked from.
            names: tool -> another name and description that the planner shall know it by.
        """
        self._question = question
        self._faults.plan(question.fault, salt=sum(map(ord, question.id)))
        state = begin(question.text, self._media(question), settings=Settings.of({"seed": seed, **self.budgets}))
        return self._record(self._graph_with(names), state, question, {"source": source, "parent": parent})

    def _compiled(self, tools: Sequence[Any]) -> tuple[str, Any]:
        name, drawn = build_graph(self._graph, self.planner, tools, ())
        return name, drawn.compile(name=name)

    def _graph_with(self, names: Names | None) -> Any:
        """The graph over tools under these names; the last one is remembered."""
        if not names:
            return self.graph
        if self._named[0] != names:
            self._named = (names, self._compiled(renamed(self._tools, names))[1])
        return self._named[1]

    def _record(self, graph: Any, state: dict[str, Any], question: Question, facts: dict[str, Any]) -> Trace:
        trace_id = secrets.token_hex(8)
        recorder = Recorder(self.traces, trace_id=trace_id, facts=facts)
        config = run_config(trace_id, self.home, callbacks=[recorder], graph=self.graph_name)
        config.get("configurable", {}).pop("agentmm_journal")
        final = graph.invoke({**state, "trace": trace_id, "started": time.time()}, config)
        self.traces.label(trace_id, "question", facts_of(question))
        answer = (final.get("answer") or {}).get("text", "")
        sampled = facts["source"] == "sampled"
        lost = sampled and final.get("status") == "failed" and planner_failed(self.traces.finished(trace_id))
        if self.score is not None and not lost:
            self.traces.label(trace_id, "outcome", "right" if is_right(question, answer, self.score) else "wrong")
        return Trace(id=trace_id, answer=answer, status=final.get("status"))

    def _program(self) -> Any:
        assert self._question is not None
        return self._question.program()

    def _media(self, question: Question) -> dict[str, Record]:
        """Handle to record of a question's media; the last pictures are remembered, questions share them."""
        key = question.media
        store = store_at(str(self.home / "media"))
        if key not in self._records:
            if len(self._records) > 32:
                self._records.clear()
            self._records[key] = numbered(map(object_of, question.media), store)
        return {handle: dict(record) for handle, record in self._records[key].items()}


def object_of(medium: Any) -> Image | Audio:
    """The picture or sound of a world medium."""
    return Image(medium.pixels) if medium.kind == "image" else Audio(*medium.sound)


def facts_of(question: Question) -> dict[str, Any]:
    """What is kept of a question beside its trace: enough to score an answer, count by family and draw its media."""
    names = ("id", "family", "group", "split", "wording", "seen", "kind", "fault", "renamed")
    facts = {name: getattr(question, name) for name in names}
    media = [asdict(medium) for medium in question.media]
    return facts | {"accepted": list(question.accepted), "others": list(question.others), "media": media}


def is_right(question: Question, answer: str, score: Score) -> bool:
    """Whether an answer is right; where a tool failed for good, the honest `unanswerable` is right."""
    fault = question.fault
    lasting = fault is not None and (fault["kind"] == "empty" or (fault["kind"] == "error" and fault["times"] > 1))
    honest = lasting and answer.lower().startswith("unanswerable")
    return honest or score(question, answer)
