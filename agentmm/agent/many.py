"""Many questions of one agent side by side: each comes to an answer, whatever becomes of the others."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any

from agentmm.agent.answer import Answer
from agentmm.errors import AgentmmError, UsageError

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""(questions that are answered, questions in all)."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
_PATIENCE_S = 2.0


class Stopped(Exception):
    """A question was given up because its batch was stopped; its run can be gone on with."""


class Many:
    """The questions of a batch, in their order.

    Args:
        questions: each a string, a pair (question, media), or a dict of `Agent.ask`'s arguments.
        ask: `Agent.ask`, whose arguments a dict may have.
        timeout: seconds for each, where it names none.
        name: name of the batch: the k-th question then has the trace `NAME-k`.
        progress: told after each answer; None for a line on stderr, if that is a terminal and it takes a while.

    Attributes:
        stopped: set once no question is to go on.
        call: how progress is told: calls a function with its arguments, perhaps later and elsewhere.

    Raises:
        UsageError: a question has another form, the name is none, or a question has a thread beside it.
    """

    def __init__(
        self,
        questions: Iterable[Any],
        ask: Callable[..., Any],
        timeout: float | None,
        name: str | None,
        progress: Progress | None,
    ) -> None:
        if isinstance(questions, str | bytes | Mapping) or not isinstance(questions, Iterable):
            raise UsageError(
                "a batch is a list of questions",
                got=questions if questions is not None else "nothing",
                mend="batch([question])",
            )
        known = set(signature(ask).parameters)
        self.asked = [
            {"timeout": timeout, **_arguments(question, known, number)} for number, question in enumerate(questions, 1)
        ]
        if name is not None:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UsageError("not a batch's name", got=name, expected="letters, digits, _ and -, at most 50")
            taken = [given for given in self.asked if given.get("thread") or given.get("resume")]
            if taken:
                raise UsageError("the questions of a batch with a name have no thread of their own", got=taken[0])
        threads = [str(given.get("thread") or given.get("resume")) for given in self.asked]
        twice = [thread for thread in threads if thread != "None" and threads.count(thread) > 1]
        if twice:
            raise UsageError(
                "two questions of a batch have one thread", got=twice[0], mend="ask them one after another"
            )
        self.name, self._tell, self._lock = name, progress or _Line(), threading.Lock()
        self._done, self.stopped = 0, threading.Event()
        self.call: Callable[..., Any] = _at_once
        self._untold = False

    def trace(self, index: int) -> str | None:
        """The trace id of a question; None where the batch has no name."""
        return None if self.name is None else f"{self.name}-{index + 1}"

    def answered(self, answer: Answer) -> Answer:
        """Note that a question has its answer."""
        if self.stopped.is_set():  # nobody waits for it any more
            return answer
        with self._lock:
            self._done += 1
            self.call(self._say, self._done)
        return answer

    def _say(self, done: int) -> None:
        """Tell how many have their answer."""
        try:
            self._tell(done, len(self.asked))
        except Exception as error:  # an answer is an answer, whoever is told of it
            if not self._untold:
                line = " ".join(f"{type(error).__name__}: {error}".split())
                log.warning("the batch goes on, but its progress could not be told: %s", line)
                log.debug("what its callback raised", exc_info=True)
            self._untold = True

    def failed(self, index: int, error: Exception, trace: str | None = None) -> Answer:
        """The answer of a question whose run could not begin or go on: an unusable picture, a full disk, a wrong id.

        Args:
            index: of the question.
            error: what was raised.
            trace: id of its trace, where it has one.
        """
        return Answer(status="failed", reason=told_of(error), trace_id=trace or self.trace(index) or "")


def _at_once(function: Callable[..., Any], *given: Any) -> None:
    function(*given)


def told_of(error: BaseException) -> str:
    """What was raised, on one line: an error of ours as it is, any other with its kind."""
    line = str(error) if isinstance(error, AgentmmError) else f"{type(error).__name__}: {error}"
    return " ".join(line.split())


def _arguments(question: Any, known: set[str], number: int) -> dict[str, Any]:
    """The arguments of `ask` that a question stands for; its number in the batch, from 1, is told where it is none.

    Raises:
        UsageError: it is neither a string, nor a pair, nor a dict of arguments.
    """
    if isinstance(question, Mapping):
        stray = sorted(map(str, set(question) - known))
        if stray:
            line = f"a question has no such part (number {number} of the batch)"
            raise UsageError(line, got=stray[0], expected=", ".join(sorted(known)))
        return dict(question)
    if isinstance(question, str):
        return {"question": question}
    if isinstance(question, tuple | list) and len(question) == 2:
        return {"question": question[0], "media": question[1]}
    raise UsageError(
        f"number {number} of the batch is {'None, ' if question is None else ''}not a question",
        got=question,
        expected="a string, (question, media) or a dict of ask's arguments",
    )


class _Line:
    """A line on a terminal that counts, once it has taken a while."""

    def __init__(self) -> None:
        self._began, self._said = time.monotonic(), False

    def __call__(self, done: int, total: int) -> None:
        """Say how many are answered."""
        if time.monotonic() - self._began < _PATIENCE_S or not sys.stderr.isatty():
            return
        sys.stderr.write(f"\rbatch: {done}/{total} answered" + ("\n" if done == total else ""))
        sys.stderr.flush()
