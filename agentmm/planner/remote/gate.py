"""How many requests may be under way at once, and how often one may begin; LangChain's limiter counts the latter."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables.config import ensure_config

_POLL_S = 0.05


class Gate:
    """Lets requests through; shared by all threads and event loops of a planner.

    Args:
        per_minute: requests that may begin in a minute, evenly spread; None for any number.
        at_once: requests that may be under way; None for any number.
    """

    def __init__(self, per_minute: float | None = None, at_once: int | None = None) -> None:
        self._slots = None if at_once is None else threading.Semaphore(at_once)
        self._limiter = None
        if per_minute is not None:
            self._limiter = InMemoryRateLimiter(requests_per_second=per_minute / 60, check_every_n_seconds=_POLL_S)
            self._limiter.available_tokens = 1.0  # the first request need not wait

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait until a request may begin, and count it as under way within.

        Raises:
            TimeoutError: the run's time is over before.
        """
        while not self._opens():
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def apassed(self) -> AsyncIterator[None]:
        """`passed` for event loops."""
        while not self._opens():
            await asyncio.sleep(_POLL_S)
        try:
            yield
        finally:
            self._leave()

    def _opens(self) -> bool:
        left = seconds_left()
        if left is not None and left <= 0:
            raise TimeoutError("the run's time is over")
        if self._slots is not None and not self._slots.acquire(blocking=False):
            return False
        if self._limiter is None or self._limiter.acquire(blocking=False):
            return True
        self._leave()
        return False

    def _leave(self) -> None:
        if self._slots is not None:
            self._slots.release()


def seconds_left() -> float | None:
    """Seconds until the run that is going on must be over; None where nothing bounds it."""
    deadline = (ensure_config().get("configurable") or {}).get("agentmm_deadline")
    return None if deadline is None else float(deadline) - time.time()
