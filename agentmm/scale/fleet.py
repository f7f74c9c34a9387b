"""A fleet of workers on Ray: hands out tasks as workers have room, and gives those of a worker that dies to another."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agentmm.agent.many import Stopped
from agentmm.errors import MediaError, PlannerError, UsageError
from agentmm.media import MediaStore
from agentmm.scale.amounts import amount, count
from agentmm.scale.cluster import check_room, gpus_each, join, load_ray, starts_here
from agentmm.scale.parcel import Parcel

log = logging.getLogger(__name__)

TRIES = 3
"""How often a task is begun: it is given up once so many workers have died over it."""

_HELD_BYTES = 256 * 2**20  # of media that stay in Ray's object store, in case another task has the same
_PATIENCE_S = 30.0
_GLANCE_S = 0.2
_CLOSING_S = 5.0


@dataclass
class Task:
    """One thing to do.

    Attributes:
        key: the caller's own number of it.
        told: JSON for the host.
        media: hashes of the media, in the fleet's store, that go with it.
        lost: how often it was lost, with the worker that did it.
        then: makes of what comes back the task that is done next in its place; None where it is done.
    """

    key: int
    told: dict[str, Any]
    media: tuple[str, ...] = ()
    lost: int = 0
    then: Callable[[Parcel], Task | None] | None = None


@dataclass(frozen=True)
class Lost:
    """What comes in place of a parcel where a task was given up.

    Attributes:
        reason: one line.
    """

    reason: str


@dataclass(eq=False)
class _Worker:
    """One actor.

    Attributes:
        number: from 1; a worker that takes another's place has its number.
        starts: how many actors of that number have died before they were loaded.
        loaded: it can be given tasks.
        alone: what it does must be done alone.
        dead: it is of no use any more.
        running: keys of its tasks.
    """

    number: int
    actor: Any
    starts: int = 0
    loaded: bool = False
    alone: bool = False
    dead: bool = False
    running: set[int] = field(default_factory=set)


class _Line:
    """Tasks that wait: those whose worker died first, then the others, of which one is made when it is looked at."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.again: deque[Task] = deque()
        self._tasks = iter(tasks)
        self._next: Task | None = None

    def first(self) -> Task | None:
        """The next one; None where there is none."""
        if self.again:
            return self.again[0]
        if self._next is None:
            self._next = next(self._tasks, None)
        return self._next

    def pop(self) -> None:
        """The next one is being done."""
        if self.again:
            self.again.popleft()
        else:
            self._next = None


class Fleet:
    """Workers on a Ray cluster; they are started with the first task, or by `start`. One run at a time is theirs.

    Args:
        host: class of what they run, `module:Class` (see `agentmm.scale.worker.Host`).
        settings: JSON for the host.
        store: where the media of tasks lie; each is sent once.
        workers: how many.
        at_once: tasks side by side in each.
        address: of the cluster; `$RAY_ADDRESS` where None, else one is started on this machine.
        cpus: cores of each, as Ray counts them.
        gpus: GPUs of each; one where None, or an equal part of one where the cluster has too few.
        tell: is told in a line of workers that die or cannot be used; a warning in the log where None.

    Raises:
        UsageError: `workers` or `at_once` is no whole number from 1 on, `cpus` no number above 0, or `gpus` no number
            from 0 on.
    """

    def __init__(
        self,
        host: str,
        settings: dict[str, Any],
        store: MediaStore,
        *,
        workers: int = 2,
        at_once: int = 8,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float | None = None,
        tell: Callable[[str], Any] | None = None,
    ) -> None:
        self.count, self.at_once, self.cpus = count("workers", workers), count("at_once", at_once), amount("cpus", cpus)
        self.gpus = None if gpus is None else amount("gpus", gpus, none=True)
        self.host, self.settings, self.store, self.address = host, settings, store, address
        self.facts: dict[str, Any] | None = None
        self._tell = tell or log.warning
        self._ray: Any = None
        self._ours = self._waited = False
        self._at_work, self._stopped = threading.Lock(), threading.Event()
        self._workers: list[_Worker] = []
        self._refused: tuple[str, bool] = ("", False)
        self._unsaid: list[tuple[int, str]] = []
        self._running: dict[Any, tuple[_Worker, Task | None]] = {}
        self._sent: OrderedDict[str, tuple[str, Any, int]] = OrderedDict()

    def start(self, stopped: threading.Event | None = None) -> dict[str, Any]:
        """Start the workers and wait for the first that is loaded; the facts of its host.

        Args:
            stopped: once it is set, the wait and the workers end, as after Ctrl-C.

        Raises:
            Stopped: `stopped` was set.
            MissingExtra: Ray is not installed.
            ConfigError: there is no cluster.
            UsageError: the host refuses its settings, a run is open, or a cluster that was started here has too few
                GPUs.
            PlannerError: no worker could be loaded, or Ray cannot go on.
        """
        with self._alone(stopped), self._ending():
            return self._started()

    def _started(self) -> dict[str, Any]:
        """`start`, by whom the workers belong to."""
        if self._workers and not self._ray.is_initialized():  # somebody else has let go of the cluster
            self.close()
        if not self._workers:
            self._ray = load_ray()
            joined = join(self._ray, self.address, self.count * self.cpus)
            self._ours = joined or self._ours
            if joined and starts_here(self.address):
                check_room(self._ray, gpus_each(self._ray, self.gpus, self.count), self.count)
            self.facts, self._refused, self._waited, self._unsaid = None, ("", False), False, []
            for number in range(1, self.count + 1):
                self._launch(number, 0)
        line = _Line(())
        while not any(worker.loaded for worker in self._workers):
            list(self._arrived(line))
        assert self.facts is not None
        return self.facts

    def run(
        self, tasks: Iterable[Task], stopped: threading.Event | None = None
    ) -> Generator[tuple[Task, Parcel | Lost]]:
        """Do tasks; each comes back when it is done, in any order.

        Args:
            tasks: taken one by one, as workers have room. A task whose worker dies is done by another, the last time
                with nothing beside it, so that it alone is to blame if that one dies, too.
            stopped: see `start`.

        Raises:
            Stopped: `stopped` was set.
            PlannerError: no worker is left, or Ray cannot go on; also what `start` raises.
        """
        with self._alone(stopped):
            yield from self._done(_Line(tasks))

    def _done(self, line: _Line) -> Generator[tuple[Task, Parcel | Lost]]:
        """What becomes of the tasks of a line."""
        with self._ending():
            self._started()
            while True:
                yield from self._fill(line)
                if line.first() is None and not any(task for _, task in self._running.values()):
                    return
                yield from self._arrived(line)

    def close(self) -> None:
        """End the workers; a cluster that was started or joined here is let go of."""
        ray, workers = self._ray, [worker for worker in self._workers if not worker.dead]
        self._workers, self._running = [], {}
        self._sent.clear()
        if ray is None or not ray.is_initialized():
            return
        loaded = [worker.actor for worker in workers if worker.loaded]  # others have nothing to let go of
        try:
            closing = [actor.close.options(concurrency_group="control").remote() for actor in loaded]
            if closing:
                ray.wait(closing, num_returns=len(closing), timeout=_CLOSING_S)
            for worker in workers:
                ray.kill(worker.actor)
        except ray.exceptions.RayError as error:  # the cluster is gone, and its workers with it
            log.info("the workers could not be let go of: %s", _reason(error))
        finally:
            if self._ours:
                self._ours = False
                ray.shutdown()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def _alone(self, stopped: threading.Event | None) -> Iterator[None]:
        """Have the workers to oneself: results are known by the number of their task alone.

        Raises:
            UsageError: somebody else has them.
        """
        if not self._at_work.acquire(blocking=False):
            raise UsageError("these Ray workers are at work on another batch", mend="one batch after another")
        self._stopped = stopped or threading.Event()
        try:
            yield
        finally:
            self._at_work.release()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End the workers where anything is raised, Ctrl-C too: what is running ends with its worker.

        Raises:
            PlannerError: in place of what Ray itself raises.
        """
        try:
            yield
        except BaseException as error:
            ray_failed = self._ray is not None and isinstance(error, self._ray.exceptions.RayError)
            self.close()
            if ray_failed:
                raise PlannerError("Ray cannot go on", got=_reason(error)) from error
            raise

    def _launch(self, number: int, starts: int) -> None:
        """Start a worker, which loads at once."""
        from agentmm.scale.worker import Worker

        gpus = gpus_each(self._ray, self.gpus, self.count)
        made = self._ray.remote(
            num_cpus=self.cpus, num_gpus=gpus, max_concurrency=self.at_once, concurrency_groups={"control": 1},
            max_restarts=0,
        )(Worker)  # fmt: skip
        worker = _Worker(number, made.remote(self.host), starts)
        self._workers.append(worker)
        settings = json.dumps({**self.settings, "folder": os.getcwd()})
        self._running[worker.actor.load.remote(settings)] = (worker, None)

    def _fill(self, line: _Line) -> Iterator[tuple[Task, Lost]]:
        """Give tasks to workers while there is room; one whose media are gone is given up."""
        while (task := line.first()) is not None:
            alone = task.lost == TRIES - 1
            worker = self._roomiest(alone)
            if worker is None:
                return
            line.pop()
            try:
                files = [self._placed(sha) for sha in task.media]
            except MediaError as error:
                yield task, Lost(str(error))
                continue
            worker.alone = alone
            worker.running.add(task.key)
            told = json.dumps({**task.told, "files": [name for name, _ in files]})
            ref = worker.actor.answer.remote(told, *(held for _, held in files))
            self._running[ref] = (worker, task)

    def _roomiest(self, alone: bool) -> _Worker | None:
        """The worker with the fewest tasks; None where none has room."""
        most = 1 if alone else self.at_once
        able = [w for w in self._workers if w.loaded and not w.dead and not w.alone and len(w.running) < most]
        return min(able, key=lambda worker: len(worker.running), default=None)

    def _placed(self, sha: str) -> tuple[str, Any]:
        """Name and place in Ray's object store of a medium; it is put there once, while there is room for it."""
        if sha not in self._sent:
            name, data = self.store.file_of(sha)
            self._sent[sha] = (name, self._ray.put(data), len(data))
            while len(self._sent) > 1 and sum(size for *_, size in self._sent.values()) > _HELD_BYTES:
                self._sent.popitem(last=False)
        self._sent.move_to_end(sha)
        name, held, _ = self._sent[sha]
        return name, held

    def _arrived(self, line: _Line) -> Iterator[tuple[Task, Parcel | Lost]]:
        """Wait for something to come back, and deal with it."""
        ray = self._ray
        if not self._running:
            raise self._none_left()
        for ref in self._ready():
            worker, task = self._running.pop(ref)
            try:
                came = ray.get(ref)
            except ray.exceptions.RayError as error:
                if task is None or not isinstance(error, ray.exceptions.RayTaskError):
                    self._died(worker, error)
                if task is not None:
                    yield from self._once_more(worker, task, line, error)
                continue
            if task is None:
                self._loaded(worker, json.loads(came))
                continue
            worker.running.discard(task.key)
            worker.alone = False
            parcel = Parcel.from_parts(came)
            following = None if task.then is None else task.then(parcel)
            if following is None:
                yield task, parcel
            else:
                line.again.append(following)

    def _ready(self) -> list[Any]:
        """What has come back; nothing where nothing does for a while.

        Raises:
            Stopped: nothing is waited for any more.
        """
        end = time.monotonic() + _PATIENCE_S
        ready: list[Any] = []
        while not ready and time.monotonic() < end:
            if self._stopped.is_set():
                raise Stopped("the batch was stopped")
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_GLANCE_S)
        if not ready:
            self._say_who_waits()
        return ready

    def _loaded(self, worker: _Worker, said: dict[str, Any]) -> None:
        """A worker can be used, or says why not."""
        if "error" in said:
            self._refused = (said["error"], said["usage"])
            self._leave_out(worker, said["error"])
        elif self.facts not in (None, said["facts"]):
            why = f"it has loaded {said['facts']}, others {self.facts}"
            self._refused = (f"no Ray worker is left: {why}", False)
            self._leave_out(worker, why)
        else:
            self.facts, worker.loaded, worker.starts = said["facts"], True, 0
            self._say_who_is_left_out()

    def _died(self, worker: _Worker, error: BaseException) -> None:
        """Put another worker in a dead one's place; each of its tasks tells of its death, the first is heard."""
        if worker.dead:
            return
        worker.dead = True
        self._workers.remove(worker)
        starts, reason = worker.starts + (not worker.loaded), _reason(error)
        fate = "is given up" if worker.alone else "is done again by another"  # alone: with a task's last try
        others = f"; what it was at ({len(worker.running)}) {fate}" if worker.running else ""
        self._tell(f"Ray worker {worker.number} was lost{others}: {reason}")
        self._ray.kill(worker.actor)  # one that only cannot be reached must not go on
        if starts < TRIES:
            self._launch(worker.number, starts)
        else:
            self._refused = (f"Ray workers die before they are loaded: {reason}", False)

    def _once_more(self, worker: _Worker, task: Task, line: _Line, error: BaseException) -> Iterator[tuple[Task, Lost]]:
        """Put a task that has lost its worker in line again, unless it has been tried often enough."""
        worker.running.discard(task.key)
        worker.alone = False
        task.lost += 1
        if task.lost < TRIES:
            line.again.append(task)
        else:
            yield (
                task,
                Lost(f"lost {TRIES} times with its worker, the last time with nothing beside it: {_reason(error)}"),
            )

    def _leave_out(self, worker: _Worker, why: str) -> None:
        """Do without a worker that cannot be used."""
        worker.dead = True
        self._workers.remove(worker)
        self._ray.kill(worker.actor)
        self._unsaid.append((worker.number, why))
        if self.facts is not None:
            self._say_who_is_left_out()
        if not self._workers:
            self._unsaid = [(number, told) for number, told in self._unsaid if told != why]
            self._say_who_is_left_out()
            raise self._none_left()

    def _say_who_is_left_out(self) -> None:
        """Say it once a worker can be used; where none can, the error says why."""
        for number, why in self._unsaid:
            self._tell(f"Ray worker {number} is left out: {why}")
        self._unsaid = []

    def _none_left(self) -> PlannerError | UsageError:
        line, usage = self._refused
        if usage:
            return UsageError(line)
        return PlannerError(line or "no Ray worker is left")

    def _say_who_waits(self) -> None:
        """Say once that workers have not started: a cluster without room for them waits for ever."""
        late = [str(worker.number) for worker in self._workers if not worker.loaded]
        if late and not self._waited:
            self._waited = True
            needs = f"{self.cpus:g} CPU and {gpus_each(self._ray, self.gpus, self.count):g} GPU each"
            self._tell(f"Ray workers not loaded yet: {', '.join(late)} ({needs}); has the cluster room for them?")


def _reason(error: BaseException) -> str:
    """What Ray says of an error, with its kind: its first line; the last of what it quotes, where it quotes another."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [""]
    quoted = "Traceback" in str(error) or "creation task" in lines[0]
    return f"{type(error).__name__}: {lines[-1 if quoted else 0][:200]}"
