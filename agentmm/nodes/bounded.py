"""Waiting with an end: work in daemon threads that a run can leave behind when its time is over."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from typing import Any

from agentmm.errors import ToolTimeout

JOB = "agentmm-job"
"""Name of the threads that carry a job."""

_POLL_S = 0.2  # a wait without a timeout would swallow Ctrl-C on some platforms


class Job:
    """One piece of work in a daemon thread, with the caller's context variables."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True, name=JOB).start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # handed to the caller below
            self._error = error
        finally:
            self._done.set()

    def result(self, seconds: float | None = None) -> Any:
        """What the work returned or raised.

        Raises:
            ToolTimeout: it is not over after `seconds`; the thread is left to itself.
        """
        left = seconds
        while not self._done.wait(_POLL_S if left is None else min(_POLL_S, left)):
            if left is not None:
                left -= _POLL_S
                if left <= 0:
                    raise ToolTimeout("the time is over", got=f"{seconds:.1f} s")
        if self._error is not None:
            raise self._error
        return self._value


def bounded(work: Callable[[], Any], seconds: float | None) -> Any:
    """Run some work, here where there is no bound, else in a daemon thread.

    Raises:
        ToolTimeout: it is not over after `seconds`.
    """
    return work() if seconds is None else Job(work).result(seconds)


def side_by_side(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Results of several pieces of work, run at the same time, in their order; one alone runs here."""
    if len(works) == 1:
        return [works[0]()]
    jobs = [Job(work) for work in works]
    return [job.result() for job in jobs]
