"""`Agent`: planner, tools and graph behind `ask`, `aask`, `stream`, `batch`, `abatch`, `resume` and `approve`."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agentmm.agent.answer import Answer
from agentmm.agent.building import choose_graph
from agentmm.agent.checkpoints import Checkpoints
from agentmm.agent.demonstration import counted_by
from agentmm.agent.events import Answered, Event
from agentmm.agent.examples import Examples
from agentmm.agent.many import Many, Progress, Stopped
from agentmm.agent.runs import Run, Runs
from agentmm.errors import UsageError
from agentmm.media import MediaStore, default_home
from agentmm.nodes.plan import planner_name
from agentmm.nodes.running import store_at
from agentmm.planner import load_planner
from agentmm.registry import load_tools
from agentmm.state import Settings
from agentmm.trace import TraceStore

DEFAULT_TOOLS = (
    *("detect", "read_text", "read_code", "transcribe", "crop", "zoom", "rotate"),
    *("measure_colour", "describe_media", "calculate"),
)
"""The tools of an agent that names none."""

WORKERS = 8
"""Questions of a batch at once."""


class Agent:
    """Answers questions of media with a planner that calls tools; every question is a trace.

    Args:
        planner: a name (`nano`, `hf:...`, `openai:MODEL@URL`, `provider:model`), a LangChain chat model or a callable.
        tools: names, annotated functions or LangChain tools; `DEFAULT_TOOLS` where None.
        graph: a name, a module with `build`, a `build` function, or a `StateGraph`.
        home: folder of media, traces, checkpoints; `$AGENTMM_HOME` or `~/.cache/agentmm` where None.
        approve: tools whose calls wait for a person.
        seed: seed of everything that samples.
        traces: trace store, or where it is (path or database URL); in `home` where None.
        callbacks: further LangChain callback handlers.
        examples: finished runs to put before a question as demonstrations: a trace store, its file, or a home folder.
        k: most demonstrations of a question.
        example_tokens: most tokens that they take together.
        keep_checkpoints: keep superseded checkpoints too, for rewinding.
        **budgets: `max_steps`, `max_calls`, `max_errors`, `max_tokens`, `timeout` (see `Settings`).

    Raises:
        UsageError: no tool or graph of that name, no such store of examples, or a planner that takes none.
        PlannerError: the planner cannot be loaded.
        BudgetError: a budget is malformed.
    """

    def __init__(
        self,
        planner: Any = "nano",
        tools: Iterable[Any] | None = None,
        graph: Any = "react",
        *,
        home: Path | str | None = None,
        approve: Iterable[str] = (),
        seed: int = 0,
        traces: TraceStore | Path | str | None = None,
        callbacks: Iterable[Any] = (),
        keep_checkpoints: bool = False,
        examples: TraceStore | Path | str | None = None,
        k: int = 2,
        example_tokens: int = 1024,
        **budgets: Any,
    ) -> None:
        self._closed = False
        self.settings = Settings.of({"seed": seed, **budgets})
        self.home = Path(home) if home is not None else default_home()
        self.tools = load_tools(DEFAULT_TOOLS if tools is None else tools)
        gated = tuple(approve)
        self.graph_name, build = choose_graph(graph, self.tools, gated)
        self.planner = load_planner(planner)
        self._own_planner = isinstance(planner, str)
        drawn = build(self.planner, self.tools)
        self.traces = traces if isinstance(traces, TraceStore) else TraceStore(traces or self.home / "traces.db")
        self._checkpoints = Checkpoints(self.home / "checkpoints.db", keep_all=keep_checkpoints)
        self.graph = drawn.compile(checkpointer=self._checkpoints, name=self.graph_name)
        self.examples = None if examples is None else self._examples(examples, k, example_tokens)
        self._runs = Runs(
            self.graph, self.graph_name, self.home, self.traces, self.settings, tuple(callbacks), gated, self.examples
        )

    @property
    def store(self) -> MediaStore:
        """Where media lie: `agent.store.get(answer.media["image_1"])`."""
        return store_at(str(self.home / "media"))

    def ask(
        self,
        question: str | None = None,
        media: Iterable[Any] = (),
        *,
        thread: str | None = None,
        resume: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Ask a question.

        Args:
            question: in words; None with `resume`.
            media: paths, bytes, PIL images, RGB arrays or media objects.
            thread: a conversation to go on with: a name, or the trace id of an earlier answer.
            resume: trace id of a run that was killed or waits for approval.
            timeout: seconds for this question, in place of the agent's.

        Raises:
            MediaError: a medium is unusable.
            UsageError: nothing asked, no such run, or the agent is closed.
        """
        return _last(self.stream(question, media, thread=thread, resume=resume, timeout=timeout))

    async def aask(
        self,
        question: str | None = None,
        media: Iterable[Any] = (),
        *,
        thread: str | None = None,
        resume: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """`ask` for async apps; the event loop goes on meanwhile."""
        return await _alast(self.astream(question, media, thread=thread, resume=resume, timeout=timeout))

    def stream(
        self,
        question: str | None = None,
        media: Iterable[Any] = (),
        *,
        thread: str | None = None,
        resume: str | None = None,
        approve: Sequence[str] = (),
        deny: Sequence[str] = (),
        timeout: float | None = None,
        began: float | None = None,
        examples: Sequence[dict[str, Any]] | None = None,
    ) -> Iterator[Event]:
        """Ask, and be told of every plan, call and result as it happens; the last event is the answer.

        Args:
            question: as in `ask`, like `media`, `thread`, `resume` and `timeout`.
            media: see `ask`.
            thread: see `ask`.
            resume: see `ask`.
            approve: with `resume`, ids of waiting calls that may be made.
            deny: with `resume`, ids of waiting calls that must not be made.
            timeout: see `ask`.
            began: the moment, by `time.monotonic()`, from which the timeout counts; now where None.
            examples: messages of the demonstrations before a new question, their media in the agent's store; those
                that the agent chooses where None.
        """
        self._see_open()
        given = (question, media, thread, resume, approve, deny, timeout, began, examples)
        yield from self._events(self._runs.prepare(*given))

    async def astream(
        self,
        question: str | None = None,
        media: Iterable[Any] = (),
        *,
        thread: str | None = None,
        resume: str | None = None,
        approve: Sequence[str] = (),
        deny: Sequence[str] = (),
        timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """`stream` for async apps."""
        self._see_open()
        given = (question, media, thread, resume, approve, deny, timeout)
        run = await asyncio.to_thread(self._runs.prepare, *given)  # media are decoded and hashed
        async for event in self._aevents(run):
            yield event

    def batch(
        self,
        questions: Iterable[Any],
        *,
        workers: int = WORKERS,
        timeout: float | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Ask several questions side by side; each gets the answer that `ask` gives it.

        A local planner writes the steps of all of them at once, while the tools of others run. A question whose run
        cannot begin or go on (`ask` would raise: an unusable picture, an empty question, a full disk) gets an answer
        with the status `failed`, that error as its `reason`, and ends no other; its trace holds the question and the
        error, where it is one. Ctrl-C stops all at their next step; their traces stay, and `resume` or the batch's
        name goes on with them.

        Args:
            questions: each a string, a pair (question, media), or a dict of `ask`'s arguments.
            workers: questions at once.
            timeout: seconds for each.
            name: of the batch, to go on after a kill or Ctrl-C: asked again under its name, a batch asks only what has
                no answer yet; a question that was begun is resumed, one that is finished gives its answer, one that
                failed is asked anew, and with it its calls are made again, also those that changed something. The k-th
                question has the trace `NAME-k`; after failures `NAME-k_2`, `NAME-k_3`.
            progress: told (answered, all) after each answer; None for a line on stderr, if that is a terminal and it
                takes more than two seconds. If it raises, the batch goes on; the log says so once.

        Returns:
            The answers, in the order of the questions.

        Raises:
            UsageError: a question has another form, there are no workers, a batch of that name asked something else
                or another planner, or the agent is closed.
        """
        many = self._many(questions, timeout, name, progress, workers)

        def answer(index: int) -> Answer:
            run = None
            try:
                if many.stopped.is_set():
                    raise Stopped("the batch was stopped")
                run = self._runs.prepare(**self._given(many, index))
                found = _last(self._events(run), many.stopped)
            except Exception as error:  # of one question, whatever it is
                found = self._failed(many, index, error, run)
            return many.answered(found)

        with ThreadPoolExecutor(max_workers=workers) as pool:
            try:
                return list(pool.map(answer, range(len(many.asked))))
            except BaseException:  # Ctrl-C: the pool waits for those that run, which is until their next step
                many.stopped.set()
                pool.shutdown(cancel_futures=True)
                raise

    async def abatch(
        self,
        questions: Iterable[Any],
        *,
        workers: int = WORKERS,
        timeout: float | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """`batch` for async apps; the event loop goes on meanwhile."""
        many = await asyncio.to_thread(self._many, questions, timeout, name, progress, workers)
        places = asyncio.Semaphore(workers)

        async def answer(index: int) -> Answer:
            async with places:
                run = None
                try:
                    run = await asyncio.to_thread(lambda: self._runs.prepare(**self._given(many, index)))
                    found = await _alast(self._aevents(run))
                except Exception as error:  # of one question, whatever it is
                    found = await asyncio.to_thread(self._failed, many, index, error, run)
                return many.answered(found)

        return await asyncio.gather(*map(answer, range(len(many.asked))))

    def resume(self, trace_id: str, *, timeout: float | None = None) -> Answer:
        """Go on with a run that was killed; no finished call is made again. A finished run gives its answer.

        Raises:
            UsageError: no such run.
        """
        return _last(self.stream(resume=trace_id, timeout=timeout))

    def approve(self, trace_id: str, *calls: str, timeout: float | None = None) -> Answer:
        """Let waiting calls of a run be made (all of them where none is named), and go on.

        Raises:
            UsageError: no such run or call.
        """
        return self._decide(trace_id, calls, "approve", timeout)

    def deny(self, trace_id: str, *calls: str, timeout: float | None = None) -> Answer:
        """Refuse waiting calls of a run (all where none is named); the planner reads the refusal and goes on.

        Raises:
            UsageError: no such run or call.
        """
        return self._decide(trace_id, calls, "deny", timeout)

    def close(self) -> None:
        """Close the stores, and a planner that was named; workers end with the process. Nothing can be asked then."""
        self._closed = True
        if self._own_planner and hasattr(self.planner, "close"):
            self.planner.close()
        self._checkpoints.close()
        self.traces.close()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _examples(self, traces: Any, k: int, most: int) -> Examples:
        """The demonstrations of a store, counted by the planner's own tokens where it has them."""
        tokens_of, names = counted_by(self.planner), [tool.name for tool in self.tools]
        return Examples(traces, self.store, names, k=k, max_tokens=most, tokens_of=tokens_of)

    def _many(
        self, questions: Iterable[Any], timeout: float | None, name: str | None, tell: Progress | None, workers: int
    ) -> Many:
        """The questions of a batch; what its name asked before must be the same."""
        self._see_open()
        if not isinstance(workers, int) or workers < 1:
            raise UsageError("a batch needs workers", got=workers, expected="a whole number, 1 or more")
        many = Many(questions, self.ask, timeout, name, tell)
        planner = self._who
        for index, given in enumerate(many.asked):
            trace = many.trace(index)
            if trace is not None:
                self._runs.check_asked(trace, given.get("question"), given.get("media"), planner)
        return many

    def _see_open(self) -> None:
        """See that the stores are there.

        Raises:
            UsageError: the agent is closed.
        """
        if self._closed:
            raise UsageError("this agent is closed", mend="a new Agent(...), or close it later")

    @property
    def _who(self) -> tuple[str, str | None]:
        """The planner's name and its weights."""
        return planner_name(self.planner), getattr(self.planner, "weights_id", None)

    def _failed(self, many: Many, index: int, error: Exception, run: Run | None) -> Answer:
        """The answer of a question that raised; where it could not begin, that is kept as its trace."""
        if run is not None or isinstance(error, Stopped):
            return many.failed(index, error, self._runs.recorded(run))
        failed = many.failed(index, error)
        kept = self._runs.refuse(many.asked[index].get("question"), failed.reason or "", self._who, many.trace(index))
        return failed.model_copy(update={"trace_id": kept or failed.trace_id})

    def _given(self, many: Many, index: int) -> dict[str, Any]:
        """The arguments of `ask` for a question of a batch: a run that was begun under its name is resumed."""
        given, trace = many.asked[index], many.trace(index)
        if trace is None:
            return given
        trace, there = self._runs.attempt(trace)
        return {"resume": trace, "timeout": given["timeout"]} if there else {**given, "thread": trace}

    def _events(self, run: Run) -> Iterator[Event]:
        """What happens in a run, the answer last."""
        started = time.perf_counter()
        if not run.over:
            yield from run.reader.waiting() if run.resumed else ()
            for update in self.graph.stream(run.given, run.config, stream_mode="updates", durability="sync"):
                yield from run.reader.events(update)
        yield self._answered(run, self.graph.get_state(run.config), started)

    async def _aevents(self, run: Run) -> AsyncIterator[Event]:
        """`_events` on an event loop."""
        started = time.perf_counter()
        if not run.over:
            for event in run.reader.waiting() if run.resumed else ():
                yield event
            async for update in self.graph.astream(run.given, run.config, stream_mode="updates", durability="sync"):
                for event in run.reader.events(update):
                    yield event
        yield await asyncio.to_thread(self._answered, run, await self.graph.aget_state(run.config), started)

    def _decide(self, trace_id: str, calls: Sequence[str], what: str, timeout: float | None) -> Answer:
        self._see_open()
        chosen = list(calls) or [call["id"] for call in self._runs.waiting(trace_id)]
        given: dict[str, Any] = {what: chosen}
        return _last(self.stream(resume=trace_id, timeout=timeout, **given))

    def _answered(self, run: Run, snapshot: Any, started: float) -> Answered:
        answer = self._runs.finish(run, snapshot)
        return Answered(answer=answer.model_copy(update={"seconds": round(time.perf_counter() - started, 3)}))


def _last(events: Iterator[Event], stopped: threading.Event | None = None) -> Answer:
    """The answer that ends a stream.

    Raises:
        Stopped: `stopped` was set before it came; the run stands at the step that it had come to.
    """
    for event in events:
        if isinstance(event, Answered):
            return event.answer
        if stopped is not None and stopped.is_set():
            raise Stopped("the batch was stopped")
    raise AssertionError("a stream ends with an answer")


async def _alast(events: AsyncIterator[Event]) -> Answer:
    """The answer that ends a stream."""
    async for event in events:
        if isinstance(event, Answered):
            return event.answer
    raise AssertionError("a stream ends with an answer")
