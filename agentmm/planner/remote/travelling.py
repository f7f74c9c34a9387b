"""How pictures get to the model: as data with every request, or once, where the other side keeps them.

Here is what all ways share: which pictures the other side has, who is sending which, and what follows a refusal. How a
picture is named there stands in `uuids` (servers that keep media by uuid) and `files` (providers with file ids).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from agentmm.planner.remote.failures import ServerError, status_of
from agentmm.planner.remote.gate import seconds_left
from agentmm.planner.remote.showing import Picture

SETTINGS = ("auto", "once", "each")
"""How pictures may be told to travel."""

POLL_S = 0.02
"""How often a step looks whether a picture has arrived that another one is sending, seconds."""

PATIENCE_S = 2.0
"""How long a step waits for that before it sends the picture, too, unless it was told to wait to the end."""

MOST_KEPT = 4096
"""Pictures that are remembered as kept; the oldest are forgotten, and sent again."""

_MOST_MISSES = 3
MISSED = frozenset({400, 404, 410, 422, 500})
"""Statuses with which a medium is refused that the other side has not."""


class _Way(Enum):
    """How a step's pictures go, in the order in which ways are tried."""

    ONCE = 1
    WHOLE = 2
    PLAIN = 3


class Journey:
    """The way of one step's pictures; this one sends all as data.

    A step asks `waits` until it says no, calls `prepare`, puts `block` in each picture's place and sends. Then it says
    `arrived`, or asks `refused` whether to begin again. In the end it is left as a context.
    """

    works = False
    """Whether `prepare` has something to do, which takes its time."""

    def waits(self) -> bool:
        """Whether another step is sending one of the pictures just now, so that this one had better wait."""
        return False

    def prepare(self) -> None:
        """What must be done before the pictures can go."""

    def block(self, picture: Picture) -> dict[str, Any]:
        """What stands in a picture's place in the request."""
        return picture.as_data()

    def arrived(self) -> None:
        """Note that the request was answered."""

    def refused(self, error: Exception) -> bool:
        """Whether a request that failed is worth another try, in which the pictures go otherwise."""
        return False

    def __enter__(self) -> Journey:
        return self

    def __exit__(self, *error: object) -> None:
        """Let other steps no longer wait for this one."""


class EachRequest:
    """Pictures travel as data with every request.

    Args:
        why: they do not travel once; for `doctor`.
    """

    def __init__(self, why: str = "") -> None:
        self._why = why

    def journey(self, pictures: Sequence[Picture]) -> Journey:
        """The way of the pictures of one step."""
        return Journey()

    def examined(self, picture: Picture) -> tuple[bool, str]:
        """Whether pictures travel once, found out with one, and why they do or do not."""
        return False, self._why

    def close(self) -> None:
        """Let the other side forget what it keeps, as far as it can be told to."""


class OnceEach(EachRequest):
    """Pictures travel once, and are named from then on; shared by all copies, threads and event loops of a planner.

    Names are a keyed digest of what is sent. The key is the planner's own, so that nobody else can name its pictures,
    or put others under their names.

    Args:
        patience_s: how long a step waits for another one that is sending the same picture.
        gone: statuses with which a picture is refused that the other side has not.
    """

    def __init__(self, patience_s: float = PATIENCE_S, gone: frozenset[int] = MISSED) -> None:
        super().__init__()
        self.patience_s = patience_s
        self._gone = gone
        self.lock = threading.Lock()
        self.off = ""
        """Why pictures travel with each request after all; empty while they do not."""
        self.kept: dict[str, str] = {}
        """Name -> what the other side calls it."""
        self.coming: dict[str, OnceJourney] = {}
        """Name -> the step that is sending it."""
        self.proven = False
        """Whether a request that names pictures was ever answered."""
        self._key = secrets.token_bytes(32)
        self._misses = 0

    def name(self, picture: Picture) -> str:
        """What a picture is called: 32 hex digits."""
        return hmac.new(self._key, picture.what.encode(), hashlib.sha256).hexdigest()[:32]

    def lacks(self, names: Sequence[str]) -> list[str]:
        """Those that the other side has not; whoever asks holds the lock."""
        return [name for name in names if name not in self.kept]

    def keep(self, name: str, called: str) -> None:
        """The other side has a picture."""
        with self.lock:
            self.kept.pop(name, None)
            self.kept[name] = called
            self._bound()

    def forget(self, names: Sequence[str]) -> bool:
        """The other side has these no more; whether that is new."""
        with self.lock:
            return any([self.kept.pop(name, None) is not None for name in names])

    def stop(self, why: str) -> None:
        """From now on all pictures travel with each request."""
        with self.lock:
            self.off = self.off or why

    def refusal(self, error: Exception) -> bool:
        """Whether an error may be about media that are not there."""
        return isinstance(error, ServerError) or status_of(error) in self._gone

    def missed(self, missed: bool) -> None:
        """Count how often in a row the other side had not what it was to have; too often ends it."""
        with self.lock:
            self._misses = self._misses + 1 if missed else 0
        if self._misses >= _MOST_MISSES:
            self.stop("what was sent was not there later")

    def _bound(self) -> None:
        while len(self.kept) > MOST_KEPT:
            del self.kept[next(iter(self.kept))]


class OnceJourney(Journey):
    """A step of `OnceEach`: names what the other side has, sends what it has not; refused, all of it, then as data.

    Args:
        travel: whose step it is.
        pictures: of the conversation.
    """

    def __init__(self, travel: OnceEach, pictures: Sequence[Picture]) -> None:
        self.travel = travel
        self.pictures = {travel.name(picture): picture for picture in pictures}
        self.had: dict[str, str] = {}
        """Pictures that this try names without data, with what the other side calls them."""
        self.mine: list[str] = []
        """Names that this step is the first to send."""
        self.works = False
        self.plain = False
        """Whether this try sends all as data, and no names."""
        self.named: set[str] = set()
        """Pictures that this try names, with data or without."""
        self._stale: list[str] = []  # of those that it names, the ones that earlier steps sent
        self._way = _Way.ONCE
        self._tries = 0
        self._dropped = self._missed = False  # the other side lacked a picture; and this step was the first to hear it
        self._until: float | None = None
        self._claimed = ""  # the name for which `claim` is held just now

    def waits(self) -> bool:
        """Whether another step is sending one of the pictures; where it says no, the others are this step's to send."""
        travel = self.travel
        with travel.lock:
            self.had, self.mine, self.works, self.named, self._stale = {}, [], False, set(), []
            self.plain = self._way is _Way.PLAIN or bool(travel.off)
            if self.plain or not self.pictures:
                return False
            lacking = travel.lacks(list(self.pictures))
            once = self._way is _Way.ONCE
            if once and any(travel.coming.get(name, self) is not self for name in lacking) and self._patient():
                return True
            self.had = {name: travel.kept[name] for name in self.pictures if name in travel.kept} if once else {}
            self._stale = list(self.had)
            self.mine = [name for name in lacking if travel.coming.setdefault(name, self) is self]
            self.works = self._has_work()
            return False

    def refused(self, error: Exception) -> bool:
        """Try again: without what was thought to be kept, in the end as if nothing could be."""
        if not self.named or not self.travel.refusal(error):
            return False
        self._leave()
        self._tries += 1
        if self._stale:
            self._missed |= self.travel.forget(self._stale)
            self._dropped = True
            self._way = _Way.ONCE if self._tries == 1 else _Way.WHOLE
            return True
        if self._dropped or self.travel.proven:
            return False
        self._way = _Way.PLAIN
        return True

    def arrived(self) -> None:
        """Note what the other side has now, or that it keeps nothing."""
        if self._way is _Way.PLAIN:
            self.travel.stop("a request that names pictures is refused")
        elif self._missed or (self._stale and not self._dropped):
            self.travel.missed(self._missed)
        self.travel.proven |= bool(self.named)
        self._leave()

    def __exit__(self, *error: object) -> None:
        self._leave()

    def _has_work(self) -> bool:
        """Whether `prepare` has something to do; the lock is held."""
        return False

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Do what `prepare` does for a name: none else does it until that is over, even if this step is given up.

        Yields whether the name is this step's: one that was given up has left what it had not begun to others.
        """
        coming = self.travel.coming
        with self.travel.lock:
            mine = coming.get(name) is self
            self._claimed = name if mine else ""
        try:
            yield mine
        finally:
            with self.travel.lock:
                self._claimed = ""
                if mine:
                    del coming[name]

    def _leave(self) -> None:
        with self.travel.lock:
            coming = self.travel.coming.items()
            for name in [name for name, step in coming if step is self and name != self._claimed]:
                del self.travel.coming[name]

    def _patient(self) -> bool:
        """Whether there is time to wait for another step."""
        now, left = time.monotonic(), seconds_left()
        self._until = now + self.travel.patience_s if self._until is None else self._until
        return now < self._until and (left is None or left > 0)
