"""Runs of an agent: how one begins, goes on in a thread, resumes after a kill, waits for a person, and ends."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agentmm.agent.answer import Answer
from agentmm.agent.examples import Examples
from agentmm.agent.given import attempts, check_same, check_words, could_not_begin, keep_refused, listed
from agentmm.agent.reading import Reader, answer_in, answer_of, waiting_answer
from agentmm.errors import AgentmmError, TraceError, UsageError
from agentmm.nodes.journal import Journal
from agentmm.nodes.running import numbered, run_config, store_at
from agentmm.planner.letters import storable
from agentmm.state import Settings, begin, pending_calls
from agentmm.trace import Recorder, Trace, TraceStore

_THREAD = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class _Clock:
    """A timeout of one question in seconds, and the moment by `time.monotonic()` from which it counts."""

    timeout: float | None
    began: float | None

    def over(self, usual: float | None) -> float | None:
        """When the time is over, seconds since 1970; the usual timeout counts where the question has none."""
        timeout = usual if self.timeout is None else float(self.timeout)  # NumPy's would make the sum one of 32 bits
        gone = 0.0 if self.began is None else time.monotonic() - self.began
        return None if timeout is None else time.time() + timeout - gone


@dataclass(frozen=True)
class Run:
    """One run, ready to go.

    Attributes:
        trace: id of its trace.
        config: for the graph.
        given: what the graph is invoked with; None to go on from the last checkpoint.
        reader: reads its updates.
        resumed: it began in another call.
        over: there is nothing left to do.
        known: its trace, where that is all there is of it: its thread has gone on since, or its checkpoint is lost.
    """

    trace: str
    config: RunnableConfig
    given: Any
    reader: Reader
    resumed: bool = False
    over: bool = False
    known: Trace | None = None


class Runs:
    """The runs of one compiled graph in one home."""

    def __init__(
        self,
        graph: Any,
        name: str,
        home: Path,
        traces: TraceStore,
        settings: Settings,
        callbacks: tuple[Any, ...],
        gated: tuple[str, ...] = (),
        examples: Examples | None = None,
    ) -> None:
        self.graph, self.name, self.home, self.gated, self.examples = graph, name, home, gated, examples
        self.traces, self.settings, self.callbacks = traces, settings, callbacks
        self.store = store_at(str(home / "media"))

    def prepare(
        self,
        question: str | None = None,
        media: Any = (),
        thread: str | None = None,
        resume: str | None = None,
        approve: Sequence[str] = (),
        deny: Sequence[str] = (),
        timeout: float | None = None,
        began: float | None = None,
        examples: Sequence[dict[str, Any]] | None = None,
    ) -> Run:
        """A run out of `ask`'s arguments.

        Raises:
            MediaError: a medium is unusable.
            UsageError: the arguments contradict each other, or there is no such run or call.
        """
        media = listed(media)
        if resume is not None:
            if question or media or thread:
                raise UsageError("a resumed run takes no question, media or thread", got=question or thread)
            return self._resumed(resume, approve, deny, _Clock(timeout, began))
        if not isinstance(question, str) or not question.strip():
            raise UsageError("the question is empty or no text", got=question, expected="some words")
        question = storable(question)
        if approve or deny:
            raise UsageError("only a resumed run has calls that wait", mend="resume=TRACE")
        return self._new(question, media, thread, _Clock(timeout, began), examples)

    def finish(self, run: Run, snapshot: Any) -> Answer:
        """The answer of a run that stopped; its journal goes when it is over for good."""
        if run.known is not None:
            return answer_in(run.known)
        asked = [call for interrupt in snapshot.interrupts for call in interrupt.value.get("calls", [])]
        if asked:
            return waiting_answer(snapshot.values, asked, run.trace)
        if snapshot.values.get("answer"):
            Journal.of(run.trace, run.config).close()
        return answer_of(snapshot.values, run.trace, self.traces.counters(run.trace))

    def waiting(self, trace: str) -> list[dict[str, Any]]:
        """The calls of a run that wait for a person."""
        snapshot = self.graph.get_state(self._config(trace, None))
        return [call for interrupt in snapshot.interrupts for call in interrupt.value.get("calls", [])]

    def begun(self, trace: str) -> bool:
        """Whether there is a run of that id to go on with, or to take the answer from."""
        return self.traces.has(trace) or self._saved(trace)

    def attempt(self, trace: str) -> tuple[str, bool]:
        """Where a question that may have been asked before goes on: a trace id, and whether there is a run of it.

        A question that failed for good is asked anew (see `attempts`), as is one that failed elsewhere: there is no
        checkpoint of it here. One that could not begin has had no attempt.
        """
        last, known, new = attempts(self.traces, trace, self.begun)
        if last is None:
            return new, False
        if known is not None and known.status == "failed":
            if known.answer is not None or (known.steps and not self._saved(last)):
                return new, False
            return last, not self.refused(last)
        return last, True

    def refuse(self, question: Any, line: str, planner: tuple[str, str | None], name: str | None) -> str | None:
        """Keep a trace of a question that could not begin, with why; under its name it can still be asked.

        Args:
            question: what was asked.
            line: why it could not begin.
            planner: name and weights of who would have answered.
            name: the question's name in its batch; None where it has none.

        Returns:
            The trace's id; None where nothing was asked, or nothing can be written.
        """
        try:
            trace, there = (secrets.token_hex(8), False) if name is None else self.attempt(name)
        except (AgentmmError, OSError):
            return None
        if there:  # it had begun, and could not go on
            return trace
        return keep_refused(
            self.traces, trace, question, line, graph=self.name, planner=planner, settings=self.settings
        )

    def refused(self, trace: str) -> bool:
        """Whether a trace says no more than that its question could not begin."""
        return could_not_begin(self.traces, trace)

    def recorded(self, run: Run | None) -> str | None:
        """The id of a run's trace, where that has been begun."""
        try:
            return run.trace if run is not None and self.traces.has(run.trace) else None
        except TraceError:  # a store that cannot be read
            return None

    def check_asked(self, trace: str, question: str | None, media: Any, planner: tuple[str, str | None]) -> None:
        """See that a run of that id, if there is one, answers this question of these media by this planner.

        Args:
            trace: the id of its first attempt; the one that counts is looked at.
            question: what is asked now.
            media: what comes with it.
            planner: name and weights of who would answer.

        Raises:
            UsageError: it answers another, or another planner answered.
        """
        last, known, _ = attempts(self.traces, trace, self.begun)
        if last is None:
            return
        if known is not None:
            check_same(known, question, media, planner, self.store, began=not self.refused(last))
            return
        check_words(self.graph.get_state(self._config(last, None)).values.get("question"), question)

    def _saved(self, trace: str) -> bool:
        """Whether the last checkpoint of a trace's thread is its own."""
        return self.graph.get_state(self._config(trace, None)).values.get("trace") == trace

    def _new(
        self,
        question: str,
        media: Iterable[Any],
        thread: str | None,
        clock: _Clock,
        examples: Sequence[dict[str, Any]] | None,
    ) -> Run:
        trace = secrets.token_hex(8) if thread is None else thread_of(thread)
        values: dict[str, Any] = {}
        if thread is not None:
            values = self._idle(trace)
            trace = _following(trace, values)
        own = {} if clock.timeout is None else {"timeout": clock.timeout}
        settings = Settings.of({**self.settings.model_dump(), **own})
        records = numbered(media, self.store, values.get("media", {}))
        if values.get("messages"):  # a thread keeps those of its first question
            shown = values.get("examples") or []
        else:
            shown = self._shown(question, records) if examples is None else examples
        given = begin(question, records, trace=trace, settings=settings, gated=self.gated, examples=shown)
        return Run(trace, self._config(trace, clock.over(settings.timeout)), given, Reader())

    def _shown(self, question: str, records: dict[str, Any]) -> list[dict[str, Any]]:
        """The demonstrations of a new question."""
        return [] if self.examples is None else self.examples.nearest(question, records)

    def _idle(self, thread: str) -> dict[str, Any]:
        """What a thread knows; it must not be in the middle of a question."""
        snapshot = self.graph.get_state(self._config(thread, None))
        if snapshot.tasks and (trace := snapshot.values.get("trace")):  # none where it was killed before it began
            raise UsageError("the last question of this thread is not finished", got=thread, mend=f"resume {trace}")
        return snapshot.values

    def _resumed(self, trace: str, approve: Sequence[str], deny: Sequence[str], clock: _Clock) -> Run:
        config = self._config(trace, clock.over(self.settings.timeout))
        snapshot = self.graph.get_state(config)
        values = snapshot.values
        if values.get("trace") != trace:
            return self._from_trace(trace, config, snapshot)
        calls = {call["id"]: call for call in pending_calls(values)}
        reader = Reader(values.get("steps", 0), calls if "act" in snapshot.next else {})
        waiting = {call["id"] for interrupt in snapshot.interrupts for call in interrupt.value.get("calls", [])}
        unknown = [call for call in (*approve, *deny) if call not in waiting]
        if unknown:
            raise UsageError("no such call waits", got=unknown[0], expected=", ".join(sorted(waiting)) or "none waits")
        decided = bool(approve or deny)
        given = Command(resume={"approved": list(approve), "denied": list(deny)}) if decided else None
        # `next` leaves out a node whose writes are saved but not yet applied, and a kill may fall between the two
        over = not snapshot.tasks or (bool(waiting) and not decided)
        return Run(trace, config, given, reader, resumed=True, over=over)

    def _from_trace(self, trace: str, config: RunnableConfig, snapshot: Any) -> Run:
        """A run that was killed before its first checkpoint begins again from its trace.

        It is the first of its thread, or the one after the thread's last, finished question. One that is finished, and
        whose thread has gone on since or whose checkpoint is lost, gives its answer.
        """
        values = snapshot.values
        last = values.get("trace")
        if self.refused(trace):
            why = self.traces.get(trace).error
            raise UsageError(f"that question could not begin: {why}", got=trace, mend="ask it again, with its media")
        if self.traces.has(trace) and (known := self.traces.get(trace)).answer is not None:
            return Run(trace, config, None, Reader(), resumed=True, over=True, known=known)
        following = not snapshot.tasks and trace == _following(trace, values)
        if not self.traces.has(trace) or (last and not following):
            mend = f"resume {last}" if last else "agentmm traces list"
            raise UsageError(
                "no run of that id can be resumed", got=trace, expected="the trace id of a thread's last run", mend=mend
            )
        known = self.traces.get(trace)
        settings = Settings.of(known.settings)
        given = begin(
            known.question, known.media, trace=trace, settings=settings, gated=self.gated, examples=known.examples
        )
        return Run(trace, config, given, Reader())

    def _config(self, trace: str, deadline: float | None) -> RunnableConfig:
        """The config of a run; a thread's name is its first trace id."""
        recorder = Recorder(self.traces, self.store, trace)
        extra: dict[str, Any] = {"thread_id": thread_of(trace)}
        if deadline is not None:
            extra["agentmm_deadline"] = deadline
        config = run_config(trace, self.home, callbacks=[recorder, *self.callbacks], graph=self.name, **extra)
        return {**config, "recursion_limit": 4 * self.settings.max_steps + 20}


def _following(trace: str, values: dict[str, Any]) -> str:
    """The trace id of the next question of a trace's thread: the thread's name, then `NAME.2`, `NAME.3`, ..."""
    turn = 1 + sum(isinstance(message, HumanMessage) for message in values.get("messages", []))
    return thread_of(trace) if turn == 1 else f"{thread_of(trace)}.{turn}"


def thread_of(trace: str) -> str:
    """The thread of a trace: `shop.3` is the third question of the thread `shop`.

    Raises:
        UsageError: it cannot be a thread's name.
    """
    thread = trace.partition(".")[0]
    if not _THREAD.fullmatch(thread):
        raise UsageError("not a thread's name", got=trace, expected="letters, digits, _ and -, at most 100")
    return thread
