"""`RayAgent`: the batch of `Agent`, its questions answered by workers on a Ray cluster."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from agentmm.agent.agent import DEFAULT_TOOLS
from agentmm.agent.answer import Answer
from agentmm.agent.given import attempts, check_same, could_not_begin, keep_refused, listed
from agentmm.agent.many import Many, Progress, Stopped
from agentmm.agent.reading import answer_in
from agentmm.errors import AgentmmError, UsageError
from agentmm.media import MediaStore, default_home
from agentmm.nodes.running import numbered, store_at
from agentmm.planner.letters import storable
from agentmm.planner.loading import check_name
from agentmm.scale.amounts import is_number
from agentmm.scale.fleet import Fleet, Lost, Task
from agentmm.scale.parcel import Parcel
from agentmm.scale.showing import Showing
from agentmm.state import Settings
from agentmm.trace import Trace, TraceStore

HOST = "agentmm.scale.asking:AskingHost"


class RayAgent:
    """An agent whose batches are answered on a Ray cluster: each worker has loaded the planner and the tools once.

    The workers need agentmm with the same extras, the same files and folders under the names given here, and keys in
    their own environment. Media are sent by content. This process alone writes traces and media.

    Args:
        planner: its name: `nano`, `hf:...`, `openai:MODEL@URL`, `provider:model`, `FILE.py:NAME`.
        tools: their names (`detect`, `module:function`, `FILE.py:FUNCTION`); those of `Agent` where None.
        graph: its name.
        workers: how many; each is an actor of Ray with a planner of its own.
        at_once: questions side by side in each; a local planner writes their steps together.
        address: of the cluster; `$RAY_ADDRESS` where None, and where that is not set, one is started on this machine.
        cpus: cores of each worker, as Ray counts them.
        gpus: GPUs of each worker; one where None, or an equal part of one where the cluster has too few.
        home: folder of media and traces; `$AGENTMM_HOME` or `~/.cache/agentmm` where None.
        seed: seed of everything that samples.
        traces: trace store, or where it is (path or database URL); in `home` where None.
        examples: finished runs to put before a question as demonstrations: a trace store, its file, or a home folder.
            They are chosen here; workers are sent their text and media.
        k: most demonstrations of a question.
        example_tokens: most tokens that they take together, counted as `Agent` counts them.
        **budgets: `max_steps`, `max_calls`, `max_errors`, `max_tokens`, `timeout` (see `Settings`).

    Raises:
        UsageError: planner, tool or graph is no name; `workers`, `at_once`, `cpus`, `gpus` or `timeout` is no such
            number; there is no such store of examples.
        UnknownPlanner: the planner's name is none.
        BudgetError: another budget is malformed.
    """

    def __init__(
        self,
        planner: str = "nano",
        tools: Iterable[str] | None = None,
        graph: str = "react",
        *,
        workers: int = 2,
        at_once: int = 8,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float | None = None,
        home: Path | str | None = None,
        seed: int = 0,
        traces: TraceStore | Path | str | None = None,
        examples: TraceStore | Path | str | None = None,
        k: int = 2,
        example_tokens: int = 1024,
        **budgets: Any,
    ) -> None:
        self._closed = False
        names = list(DEFAULT_TOOLS if tools is None else tools)
        for name in (planner, graph, *names):
            if not isinstance(name, str):
                raise UsageError("workers load planner, tools and graph by name", got=name, expected="a name")
        check_name(planner)
        _check_timeout(budgets.get("timeout"))
        self._graph, self._settings = graph, Settings.of({"seed": seed, **budgets})
        self.home = Path(home) if home is not None else default_home()
        given = {"planner": planner, "tools": names, "graph": graph, **self._settings.model_dump()}
        self._fleet = Fleet(
            HOST, given, self.store, workers=workers, at_once=at_once, address=address, cpus=cpus, gpus=gpus
        )
        self._showing = None if examples is None else Showing(examples, self.store, k, example_tokens)
        if self._showing is not None:
            self._fleet.settings["room"] = self._showing.room
        self.traces = traces if isinstance(traces, TraceStore) else TraceStore(traces or self.home / "traces.db")

    @property
    def store(self) -> MediaStore:
        """Where media lie: `agent.store.get(answer.media["image_1"])`."""
        return store_at(str(self.home / "media"))

    def batch(
        self,
        questions: Iterable[Any],
        *,
        timeout: float | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Ask several questions; each gets the answer that `Agent.batch` gives it.

        A question is in the trace store once it is finished, whole. One whose worker dies is answered by another, from
        its beginning: its calls are made again, also those that changed something. After three workers it is `failed`,
        the last of which had nothing else to do, so that it alone was to blame. So are those that were being answered
        asked anew after a kill or Ctrl-C of this process, under the batch's name.

        Args:
            questions: each a string, a pair (question, media), or a dict with `question`, `media`, `timeout`.
            timeout: seconds for each, from when a worker begins with it.
            name: of the batch: asked again under its name, a batch asks only what has no answer yet, and what failed.
                The k-th question has the trace `NAME-k`; after failures `NAME-k_2`, `NAME-k_3`.
            progress: told (answered, all) after each answer; None for a line on stderr, if that is a terminal and it
                takes more than two seconds.

        Returns:
            The answers, in the order of the questions.

        Raises:
            UsageError: a question has another form, a batch of that name asked something else or another planner,
                `Agent` has begun one of its questions and not finished it, another batch of this agent is at work, the
                planner takes no examples, or the agent is closed.
            MissingExtra: Ray is not installed.
            ConfigError: there is no cluster.
            PlannerError: no worker can load the planner, or none is left.
        """
        return self._answers(self._many(questions, timeout, name, progress))

    async def abatch(
        self,
        questions: Iterable[Any],
        *,
        timeout: float | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """`batch` for async apps; the event loop goes on meanwhile, and there `progress` is told.

        Cancelled, it ends as after Ctrl-C, and its workers with it. What is finished stays; the batch's name goes on.
        """
        many = await asyncio.to_thread(self._many, questions, timeout, name, progress)
        many.call = asyncio.get_running_loop().call_soon_threadsafe
        work = asyncio.ensure_future(asyncio.to_thread(self._answers, many))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            many.stopped.set()
            with suppress(Exception):
                await work
            raise

    def close(self) -> None:
        """End the workers and close the store. Nothing can be asked then."""
        self._closed = True
        self._fleet.close()
        self.traces.close()

    def __enter__(self) -> RayAgent:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _many(self, questions: Iterable[Any], timeout: float | None, name: str | None, tell: Progress | None) -> Many:
        """The questions of a batch.

        Raises:
            UsageError: one has another form, or the agent is closed.
        """
        if self._closed:
            raise UsageError("this agent is closed", mend="a new RayAgent(...), or close it later")
        return Many(questions, _asked, timeout, name, tell)

    def _answers(self, many: Many) -> list[Answer]:
        """The answers of a batch.

        Raises:
            Stopped: it was stopped; its workers are ended.
        """
        if not many.asked:
            return []
        facts = self._fleet.start(many.stopped)
        self._who: tuple[str, str | None] = (facts["planner"], facts["weights"])
        if self._showing is not None:
            self._showing.meet(facts)
        self._check(many, self._who)
        answers: dict[int, Answer] = {}
        with closing(self._fleet.run(self._tasks(many, answers), many.stopped)) as done:
            for task, came in done:
                answer = self._answer(many, task, came)
                if answer.status == "failed" and not self.traces.has(task.told["trace"]):
                    answer = self._kept(answer, task.told["question"], task.told["trace"])
                answers[task.key] = many.answered(answer)
        return [answers[index] for index in range(len(many.asked))]

    def _check(self, many: Many, planner: tuple[str, str | None]) -> None:
        """See that what the batch's name asked before is the same, and was not left unfinished by `Agent`."""
        for index, given in enumerate(many.asked):
            trace = many.trace(index)
            last, known, _ = (None, None, None) if trace is None else attempts(self.traces, trace)
            if last is None or known is None:
                continue
            began = not could_not_begin(self.traces, last)
            check_same(known, given.get("question"), given.get("media"), planner, self.store, began=began)
            if known.status != "failed" and known.answer is None:
                mend = f"Agent(...).batch(questions, name={many.name!r}), which goes on with it"
                raise UsageError("this batch was begun elsewhere, and a question is not finished", got=last, mend=mend)

    def _attempt(self, trace: str) -> tuple[str, Trace | None]:
        """The id under which a question is asked now, and its trace where it has been answered."""
        last, known, new = attempts(self.traces, trace)
        return (new, None) if last is None or known is None or known.status == "failed" else (last, known)

    def _tasks(self, many: Many, answers: dict[int, Answer]) -> Iterator[Task]:
        """What is to be asked; what needs no asking is answered on the way."""
        for index, given in enumerate(many.asked):
            if many.stopped.is_set():
                raise Stopped("the batch was stopped")
            named = many.trace(index)
            trace, known = (secrets.token_hex(8), None) if named is None else self._attempt(named)
            if known is not None:
                answers[index] = many.answered(answer_in(known))
                continue
            try:
                task = self._task(index, given, trace)
            except Exception as error:  # of one question, whatever it is
                failed = self._kept(many.failed(index, error), given.get("question"), trace)
                answers[index] = many.answered(failed)
                continue
            yield task

    def _task(self, index: int, given: dict[str, Any], trace: str) -> Task:
        """What a worker is asked.

        Raises:
            AgentmmError: a medium is unusable, the timeout is none, or the store of examples cannot be read.
        """
        timeout = Settings.of({**self._settings.model_dump(), "timeout": given["timeout"]}).timeout
        records = numbered(listed(given.get("media")), self.store)
        question = given.get("question")
        said = storable(question) if isinstance(question, str) else ""
        told = {"question": said, "records": list(records.values()), "trace": trace, "timeout": timeout}
        task = Task(index, told, tuple(dict.fromkeys(record["sha"] for record in records.values())))
        return task if self._showing is None else self._showing.with_examples(task, records)

    def _answer(self, many: Many, task: Task, came: Parcel | Lost) -> Answer:
        """The answer in what came back; its trace and media are stored first."""
        if isinstance(came, Lost):
            return many.failed(task.key, AgentmmError(came.reason))
        if "error" in came.told:
            return many.failed(task.key, AgentmmError(came.told["error"]))
        try:
            answer = Answer.model_validate(came.told["answer"])
            came.unpack(self.traces, self.store)
        except Exception as error:  # a full disk, for one; the others go on
            return many.failed(task.key, error)
        return answer if answer.trace_id else answer.model_copy(update={"trace_id": many.trace(task.key) or ""})

    def _kept(self, failed: Answer, question: Any, trace: str) -> Answer:
        """The answer to a question of which nothing was recorded, with a trace that says why."""
        told = {"graph": self._graph, "planner": self._who, "settings": self._settings}
        kept = keep_refused(self.traces, trace, question, failed.reason or "", **told)
        return failed.model_copy(update={"trace_id": kept or failed.trace_id})


def _check_timeout(timeout: Any) -> None:
    """See that a timeout is seconds, or none.

    Raises:
        UsageError: it is not.
    """
    if timeout is not None and not (is_number(timeout) and timeout > 0):
        raise UsageError("a question cannot have such a timeout", got=timeout, expected="seconds, more than 0")


def _asked(question: str | None = None, media: Any = (), *, timeout: float | None = None) -> None:
    """What a question may consist of."""
