"""Ends a streamed reply whose server falls silent between two of its parts, long before it were given up as a whole.

The first part may take as long as the server may be silent: a prompt waits for its turn and is read. Then parts come
steadily, and a server that sends none, with its connection open, will hardly go on.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

GAP_S = 60.0
"""How long a server may be silent between two parts of a reply, in seconds, where nothing else is said."""

_Part = TypeVar("_Part")


class Stalled(Exception):
    """A server fell silent in the middle of its reply.

    Args:
        gap_s: for how long, seconds.
    """

    def __init__(self, gap_s: float) -> None:
        super().__init__(f"no further part of the reply for {gap_s:g} s")
        self.gap_s = gap_s


def steady(parts: Iterator[_Part], response: Any, gap_s: float) -> Iterator[_Part]:
    """The parts of a reply, as they come.

    Args:
        parts: of the reply; waits for each.
        response: httpx's, whose connection is cut where no part comes.
        gap_s: most seconds that the next one may be waited for; what is done with a part may take longer.

    Raises:
        Stalled: no part came for so long.
    """
    watch = _Watch(response, gap_s)
    try:
        for part in parts:
            watch.heard()
            yield part
            watch.waits()
    except Exception as error:
        if not watch.fired:
            raise
        raise Stalled(gap_s) from error
    finally:
        watch.stop()
    if watch.fired:  # some connections that are cut look like the reply's end
        raise Stalled(gap_s)


async def asteady(parts: AsyncIterator[_Part], gap_s: float) -> AsyncIterator[_Part]:
    """`steady` for event loops, which need no one to cut the connection."""
    within: float | None = None
    while True:
        try:
            async with asyncio.timeout(within):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if within is None:
                raise
            raise Stalled(gap_s) from error
        yield part
        within = gap_s


class _Watch:
    """Cuts a connection from which nothing is heard; begins after the first part.

    Attributes:
        fired: whether it did.
    """

    def __init__(self, response: Any, gap_s: float) -> None:
        self.fired = False
        self._response, self._gap_s = response, gap_s
        self._since: float | None = None  # when the next part was first waited for; None while nobody does
        self._over, self._thread = threading.Event(), threading.Thread(target=self._wait, daemon=True)

    def heard(self) -> None:
        """A part has come, and its reader is busy with it."""
        self._since = None

    def waits(self) -> None:
        """The next part is waited for."""
        if self._thread.ident is None:
            self._thread.start()
        self._since = time.monotonic()

    def stop(self) -> None:
        """The reply is over."""
        self._over.set()

    def _left(self) -> float:
        """Seconds until there is a reason to look again; none are left where the server was silent for too long."""
        since = self._since
        return self._gap_s if since is None else since + self._gap_s - time.monotonic()

    def _wait(self) -> None:
        while (left := self._left()) > 0:
            if self._over.wait(min(left, threading.TIMEOUT_MAX)):
                return
        stream = self._response.extensions.get("network_stream")
        connection = None if stream is None else stream.get_extra_info("socket")
        if connection is None:  # a transport of another kind: its own timeout ends the wait
            return
        self.fired = True
        try:
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # of TLS, too: closing alone wakes nobody who reads
        except OSError:  # it has ended by itself
            return
