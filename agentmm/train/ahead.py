"""Row sets that other processes make while this one trains: a GPU reads faster than one process can draw and tell."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agentmm.errors import TrainError
from agentmm.train.rowset import RowSet

Maker = Callable[[int, Path], RowSet]
"""(number of the set, folder for its squares) -> the set; it is sent to the processes, so it must be picklable."""

_MAKER = "maker"  # file of a set on its way that holds its process's id
_GLANCE_S = 1.0


class Ahead:
    """Processes that make row sets number 0, 1, 2, ... without end; `take` gives those that are ready.

    Args:
        maker: makes one set.
        workers: processes.
        folder: for the sets on their way.
        most: sets that are made or wait at most; then the processes rest.
    """

    def __init__(self, maker: Maker, workers: int, folder: Path, most: int) -> None:
        self._maker, self._folder, self._most = maker, folder, most
        shutil.rmtree(folder, ignore_errors=True)
        self._pool = multiprocessing.get_context("spawn").Pool(workers, initializer=_alone, initargs=(os.getpid(),))
        self._news = threading.Condition()
        self._ready: list[Path] = []
        self._held: list[RowSet] = []
        self._failed: BaseException | None = None
        self._asked = self._waiting = 0
        self._making: set[Path] = set()
        self._ask()

    def take(self, least: int) -> list[RowSet]:
        """The sets that are ready, after the newest of those taken before where there are fewer than `least`.

        Waits until there are so many, old and new.

        Raises:
            TrainError: a process was killed; for want of memory most often.
            Exception: what a process raised.
        """
        with self._news:
            while not self._news.wait_for(
                lambda: self._failed or len(self._ready) + len(self._held) >= least, _GLANCE_S
            ):
                self._see_killed()
            if self._failed:
                raise self._failed
            new, self._ready = self._ready, []
            self._waiting -= len(new)
        old = max(0, least - len(new))
        self._held = [*(self._held[-old:] if old else ()), *map(RowSet.load, new)]
        for path in new:
            shutil.rmtree(path)  # what is mapped stays until nobody holds it
        self._ask()
        return list(self._held)

    def close(self) -> None:
        """End the processes and remove what they left."""
        self._pool.terminate()
        self._pool.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self) -> None:
        """Ask for as many sets as may wait."""
        with self._news:
            while self._waiting < self._most:
                path = self._folder / str(self._asked)
                self._making.add(path)
                self._pool.apply_async(
                    _make, (self._maker, self._asked, path), callback=self._done, error_callback=self._fail
                )
                self._asked, self._waiting = self._asked + 1, self._waiting + 1

    def _see_killed(self) -> None:
        """A pool puts another process in a killed one's place, and never tells that its set is lost."""
        lost = next((pid for path in self._making if (pid := _maker_of(path)) is not None and not _lives(pid)), None)
        if lost is not None:
            mend = "fewer --workers, or a machine with more memory"
            self._failed = TrainError("a process that makes rows was killed", got=f"process {lost}", mend=mend)

    def _done(self, path: Path) -> None:
        with self._news:
            self._making.discard(path)
            self._ready.append(path)
            self._news.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._news:
            self._failed = self._failed or error
            self._news.notify_all()


def _alone(parent: int) -> None:
    """One thread a process: the processes are the parallelism. A process ends when its starter is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _maker_of(path: Path) -> int | None:
    """The process that makes a set; None where none has begun with it."""
    try:
        return int((path / _MAKER).read_text())
    except (OSError, ValueError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # gone, or its number is somebody else's by now
        return False
    return True


def _make(maker: Maker, number: int, path: Path) -> Path:
    path.mkdir(parents=True)
    (path / _MAKER).write_text(str(os.getpid()))
    maker(number, path).save(path)
    return path
