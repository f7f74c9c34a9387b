"""Calls that can really be ended: a few worker processes that are killed when a call's time is over.

Workers are fresh Python processes (never forks), reused between calls so that models stay loaded. None outlives this
process: they are killed at exit, and each ends by itself when its parent was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO, cast

from agentmm.errors import AgentmmError, MissingExtra, ToolCrash, ToolError, ToolTimeout
from agentmm.tool import wire
from agentmm.tool.reference import Reference
from agentmm.tool.result import MAX_RESULT_BYTES
from agentmm.tool.worker_main import OUT_OF_MEMORY

MAX_ARGUMENT_BYTES = 2 * 2**30
"""Upper bound of the media that one call is given."""


class Worker:
    """One worker process, used by one call at a time.

    Args:
        memory_mb: MiB that it may take beyond what Python and numpy hold, on Linux; None for no bound.
    """

    def __init__(self, memory_mb: int | None = None) -> None:
        self.memory_mb = memory_mb
        self.served: set[Reference] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agentmm.tool.worker_main", *([] if memory_mb is None else [str(memory_mb)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take a call."""
        return self._process.poll() is None

    def call(self, reference: Reference, arguments: dict[str, Any], timeout_s: float | None) -> dict[str, Any]:
        """Run a function there.

        Args:
            reference: where the function lives.
            arguments: media objects and plain values.
            timeout_s: seconds after which the worker is killed, loading included; None for no end.

        Returns:
            The function's result as JSON types and media.

        Raises:
            ToolTimeout: the time was over.
            ToolError: the tool raised it, its result is too large, or it ran out of memory, which ends the worker.
            MissingExtra: its library is not installed.
            ToolCrash: it raised anything else, or the process died.
        """
        message = {"reference": reference, "arguments": arguments, "limit": MAX_RESULT_BYTES, "path": _import_path()}
        over = threading.Event()
        timer = None if timeout_s is None else threading.Timer(timeout_s, self._overdue, (over,))
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            reply = self._exchange(message)
        except (OSError, EOFError, ValueError) as error:
            self.kill()
            if over.is_set():
                raise ToolTimeout(f"{reference.name} was ended after {timeout_s:.3g} s") from error
            if self._process.returncode == OUT_OF_MEMORY:
                bound = None if self.memory_mb is None else f"at most {self.memory_mb} MiB"
                raise ToolError(f"{reference.name} ran out of memory", expected=bound) from error
            raise ToolCrash(f"the worker of {reference.name} died", got=self._ending()) from error
        except BaseException:
            self.kill()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if over.is_set():
            self.kill()
            raise ToolTimeout(f"{reference.name} was ended after {timeout_s:.3g} s")
        self.served.add(reference)
        return _opened(reference.name, reply)

    def kill(self) -> None:
        """End it now, with everything it started."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                cast(BinaryIO, pipe).close()
        self._process.wait()

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        wire.write(cast(BinaryIO, self._process.stdin), message, MAX_ARGUMENT_BYTES)
        return wire.read(cast(BinaryIO, self._process.stdout), MAX_RESULT_BYTES + 2**20)

    def _overdue(self, over: threading.Event) -> None:
        over.set()
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _ending(self) -> str:
        code = self._process.returncode
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _import_path() -> list[str]:
    """Where this process finds modules, as absolute folders."""
    return [os.path.abspath(folder) for folder in sys.path]


def _opened(name: str, reply: dict[str, Any]) -> dict[str, Any]:
    """The value of a reply, or its error raised here."""
    kind, message = reply.get("error"), str(reply.get("message"))
    if kind is None:
        return reply["value"]
    if kind == "MissingExtra":
        raise MissingExtra(reply["package"], reply["extra"])
    if kind == "ToolError":
        raise ToolError(message)
    if kind == "AgentmmError":
        raise AgentmmError(message)
    raise ToolCrash(f"tool {name!r} crashed: {message[:500]}")


class Workers:
    """A pool of workers: a call prefers one that has served its tool before, where models are warm.

    Args:
        most: workers at once; further calls wait.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or max(2, min(4, os.cpu_count() or 2))
        self._owner = os.getpid()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._free = threading.Condition()

    def call(
        self,
        reference: Reference,
        arguments: dict[str, Any],
        timeout_s: float | None,
        memory_mb: int | None = None,
    ) -> dict[str, Any]:
        """Run a function in some worker; see `Worker.call`. The time spent waiting for a worker counts."""
        started = time.monotonic()
        worker = self._take(reference, timeout_s, memory_mb)
        try:
            left = None if timeout_s is None else max(0.01, timeout_s - (time.monotonic() - started))
            return worker.call(reference, arguments, left)
        finally:
            self._give(worker)

    def close(self) -> None:
        """Kill every worker; a forked copy of this process leaves them alone."""
        if os.getpid() != self._owner:
            return
        with self._free:
            workers = [*self._idle, *self._busy]
            self._idle.clear()
        for worker in workers:
            worker.kill()

    def pids(self) -> list[int]:
        """Process ids of the living workers."""
        with self._free:
            return [worker.pid for worker in (*self._idle, *self._busy) if worker.alive]

    def _take(self, reference: Reference, timeout_s: float | None, memory_mb: int | None) -> Worker:
        """An idle worker that knows the tool, a new one, or any that becomes idle."""
        with self._free:
            if not self._free.wait_for(lambda: self._idle or len(self._busy) < self.most, timeout_s):
                raise ToolTimeout(f"{reference.name} found no free worker within {timeout_s:.3g} s")
            worker = self._warm(reference, memory_mb) or Worker(memory_mb)
            self._busy.add(worker)
            return worker

    def _warm(self, reference: Reference, memory_mb: int | None) -> Worker | None:
        """An idle worker that served the tool; when no further worker is allowed, any other, or none in its place.

        A worker with a bound serves one tool alone, so that no other tool's models count.
        """
        self._idle = [worker for worker in self._idle if worker.alive]
        known = [worker for worker in self._idle if reference in worker.served and worker.memory_mb == memory_mb]
        free = [worker for worker in self._idle if worker.memory_mb is None and memory_mb is None]
        full = len(self._idle) + len(self._busy) >= self.most
        chosen = known[0] if known else free[0] if full and free else None
        if chosen is not None:
            self._idle.remove(chosen)
        elif full and self._idle:
            self._idle.pop(0).kill()
        return chosen

    def _give(self, worker: Worker) -> None:
        with self._free:
            self._busy.discard(worker)
            if worker.alive:
                self._idle.append(worker)
            self._free.notify()


WORKERS = Workers()
"""The pool of this process; no worker is started before the first call."""

atexit.register(WORKERS.close)
