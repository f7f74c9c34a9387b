"""Continuous batching: completions of many episodes on one model, each as if it were alone.

Requests come from any thread, and from event loops. One thread moves all sequences: it admits those that wait (feeding
their prompts, several in one pass where the engine can), takes one step of all active ones together, and lets go of
those that are finished; meanwhile the tools of other episodes run. It knows no model: an engine
(`agentmm.planner.local`, `agentmm.planner.foreign.engine`) does.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from agentmm.planner.sequence import Admitted, Request, Underway, tried
from agentmm.planner.session import DEFAULT_BYTES, Sessions
from agentmm.planner.writing import Completion, Sampling

log = logging.getLogger(__name__)

PLACES = 32
"""Most sequences at once."""

PROMPT_TOKENS = 1024
"""Once so many prompt tokens were fed, the active sequences take a step before more are."""

NAME = "agentmm-batch"
"""Name of the thread that moves the sequences."""

_LEAVE_S = 10.0  # a step that takes longer is left to itself when the process ends
_IDLE_S = 5.0  # the thread ends then, so that a model that is forgotten can go
_POLL_S = 0.2  # a wait of the main thread without a timeout would swallow Ctrl-C on some platforms


class Engine(Protocol):
    """What a batch needs of a model.

    Attributes:
        sessions: where its sessions live.
        per_key: most bytes that a position of a sequence took so far; 0 where there was none yet.
    """

    sessions: Sessions | None
    per_key: float

    @property
    def padded(self) -> bool:
        """Whether each of several sequences takes as much memory as the longest."""
        ...

    def begin(self, prompt: Any, load: Callable[[str], Any], constraint: Any, sampling: Sampling, /) -> Underway:
        """Feed a prompt and choose the first token."""
        ...

    def begin_several(self, requests: Sequence[Request], tokens: int) -> Sequence[Admitted]:
        """Feed as many prompts as go well in one pass, and choose the first token of each.

        The first is always among them; one that would be fed less after another of them is left. Once `tokens` are
        to be fed, the rest is left, too.
        """
        ...

    def advance(self, sequences: Sequence[Underway]) -> None:
        """One step of each sequence; none of them is over."""
        ...

    def end(self, sequence: Underway) -> Completion:
        """What a sequence that is over came to."""
        ...

    def forget(self, sequence: Underway) -> None:
        """Let a sequence go that nobody waits for any more."""
        ...


@dataclass(eq=False)
class _Place:
    """One request with who waits for it.

    Attributes:
        request: what is asked.
        length: most positions that it takes.
        future: gets the completion, or what was raised.
        size: bytes that are held for it.
        sequence: None while it waits.
    """

    request: Request
    length: int
    future: Future[Completion] = field(default_factory=Future)
    size: int = 0
    sequence: Underway | None = None

    def settle(self, give: Callable[[], Completion]) -> bool:
        """Hand over what `give` returns or raises; False where nobody waits for it any more, and it was not asked."""
        if not self.future.set_running_or_notify_cancel():
            return False
        try:
            self.future.set_result(give())
        except BaseException as error:  # belongs to whoever asked
            self.future.set_exception(error)
        return True

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it any more, or its time is over."""
        return self.future.cancelled() or (self.request.until is not None and time.time() >= self.request.until)


class Batch:
    """The sequences of one model.

    At most `places` are active, and their caches with the sessions that are kept take at most `limit_bytes`: a prompt
    that finds no room waits, in the order of arrival; one that needs more than the whole limit is fed alone.

    Args:
        engine: the model.
        limit_bytes: most bytes of sessions and active sequences together.
        places: most active sequences.

    Attributes:
        most: how many sequences were active at once, at most.
    """

    def __init__(self, engine: Engine, limit_bytes: int = DEFAULT_BYTES, places: int = PLACES) -> None:
        self.engine, self.limit_bytes, self.places = engine, limit_bytes, max(1, places)
        self.most = 0
        self._changed = threading.Condition()
        self._waiting: deque[_Place] = deque()
        self._active: list[_Place] = []
        self._coming: list[_Place] = []  # taken out of those that wait, and not active yet
        self._thread: threading.Thread | None = None
        self._closed = False
        _open.add(self)

    def submit(self, request: Request) -> Future[Completion]:
        """Put a request into the batch; a future that is cancelled gives up its place.

        The future raises what feeding the prompt or the constraint raised, and `TimeoutError` once `until` is past.
        """
        if self._closed:
            raise RuntimeError("the batch is closed: the process ends")
        place = _Place(request, len(request.prompt.ids) + request.sampling.max_tokens)
        with self._changed:
            self._waiting.append(place)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name=NAME)
                self._thread.start()
            self._changed.notify()
        return place.future

    def complete(self, request: Request) -> Completion:
        """Put a request into the batch and wait for its completion; raises what `submit` tells."""
        future = self.submit(request)
        patience = _POLL_S if threading.current_thread() is threading.main_thread() else None
        try:
            while True:
                try:
                    return future.result(patience)
                except Unfinished:
                    if future.done():
                        return future.result()
        finally:
            future.cancel()

    async def acomplete(self, request: Request) -> Completion:
        """`complete` for event loops; a task that is cancelled gives up its place."""
        return await asyncio.wrap_future(self.submit(request))

    def close(self) -> None:
        """Give up what is being written, and end the thread once its step is done."""
        with self._changed:
            self._closed, thread = True, self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LEAVE_S)

    @property
    def active(self) -> int:
        """How many sequences are being written."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return len(self._waiting)

    def _run(self) -> None:
        """Move the sequences until there have been none for a while."""
        while self._awaited():
            try:
                self._let_go()
                self._admit()
                self._advance()
            except BaseException as error:  # nobody may wait for ever for a thread that is gone
                log.exception("the batch failed")
                self._fail(error)

    def _awaited(self) -> bool:
        """Wait for something to do; False where nothing came, or nothing is to be done any more."""
        with self._changed:
            if not (self._active or self._waiting or self._closed):
                self._changed.wait(_IDLE_S)
            if (self._active or self._waiting) and not self._closed:
                return True
            for place in (*self._active, *self._waiting):
                place.future.cancel()
            self._active, self._waiting, self._thread = [], deque(), None
            return False

    def _let_go(self) -> None:
        """Drop what nobody waits for, or whose time is over."""
        with self._changed:
            gone = [place for place in (*self._active, *self._waiting) if place.gone]
            for place in gone:
                (self._waiting if place.sequence is None else self._active).remove(place)
        for place in gone:
            if place.sequence is not None:
                self.engine.forget(place.sequence)
            place.settle(_too_late)
        if gone:
            self._hold()

    def _admit(self) -> None:
        """Feed the prompts that have room, in the order of arrival, until the active sequences are due a step."""
        fed = 0
        while fed < PROMPT_TOKENS and not self._closed and (coming := self._next()):
            left = []
            for place, begun in zip(coming, self._begun(coming, PROMPT_TOKENS - fed), strict=True):
                if begun is None:
                    left.append(place)
                elif isinstance(begun, BaseException):  # a bad prompt, a picture that is gone: the others go on
                    place.settle(_raiser(begun))
                else:
                    place.sequence, fed = begun, fed + begun.counters.prefill_tokens
                    place.size = self._size(place)
            with self._changed:
                self._waiting.extendleft(reversed(left))
                self._active += [place for place in coming if place.sequence is not None]
                self._coming = []
            self.most = max(self.most, len(self._active))
            self._finish()

    def _begun(self, places: Sequence[_Place], tokens: int) -> Sequence[Admitted]:
        """What becomes of prompts that are fed together; where that fails as a whole, each is fed alone."""
        requests = [place.request for place in places]
        try:
            return self.engine.begin_several(requests, tokens)
        except BaseException as error:  # together they were too much
            log.info("feeding %d prompts failed: %s", len(places), error)
            begin = self.engine.begin
            return [tried(partial(begin, one.prompt, one.load, one.constraint, one.sampling)) for one in requests]

    def _next(self) -> list[_Place]:
        """The requests that came first and have room; room is made for them."""
        coming: list[_Place] = []
        with self._changed:
            self._coming = coming
            while self._waiting and len(self._active) + len(coming) < self.places:
                place, beside = self._waiting[0], (*self._active, *coming)
                place.size = self._size(place)
                if beside and self._needed((*beside, place)) > self.limit_bytes:
                    break
                if coming and not self.engine.per_key:
                    break  # what a position takes is known once one was fed
                coming.append(self._waiting.popleft())
        self._hold(*coming)
        return coming

    def _size(self, place: _Place) -> int:
        """Most bytes of a sequence, by what positions took so far."""
        return math.ceil(self.engine.per_key * place.length)

    def _needed(self, places: Iterable[_Place]) -> int:
        """Bytes of sequences, and once more those of the largest: feeding and keeping copy one of them at a time."""
        sizes = [place.size for place in places]
        largest = max(sizes, default=0)
        return (len(sizes) * largest if self.engine.padded else sum(sizes)) + largest

    def _hold(self, *coming: _Place) -> None:
        """Let sessions have what the sequences leave."""
        if self.engine.sessions is not None:
            self.engine.sessions.leave(self._needed((*self._active, *coming)))

    def _advance(self) -> None:
        """One step of every active sequence."""
        places = [(place, place.sequence) for place in self._active if place.sequence is not None]
        if not places:
            return
        try:
            self.engine.advance([sequence for _, sequence in places])
        except BaseException as error:  # one of them, or all together, was too much: each by itself
            log.info("a step of %d sequences failed: %s", len(places), error)
            for _, sequence in places:
                self._alone(sequence)
        self._finish()

    def _alone(self, sequence: Underway) -> None:
        """A step of one sequence; what it raises is its own."""
        if sequence.over:
            return
        try:
            self.engine.advance([sequence])
        except BaseException as error:  # as above
            sequence.over, sequence.error = True, error

    def _finish(self) -> None:
        """Hand over what is finished."""
        done = [(place, one) for place in self._active if (one := place.sequence) is not None and one.over]
        for place, sequence in done:
            if not place.settle(partial(self.engine.end, sequence)):
                self.engine.forget(sequence)
            with self._changed:
                self._active.remove(place)
            place.sequence = None
        if done:
            self._hold()

    def _fail(self, error: BaseException) -> None:
        """Tell everybody that the batch failed."""
        with self._changed:
            places = dict.fromkeys((*self._active, *self._coming, *self._waiting))
            self._active, self._coming, self._waiting = [], [], deque()
        for place in places:
            if place.sequence is not None:
                self.engine.forget(place.sequence)
            if not place.future.done():
                place.settle(_raiser(error))


def _too_late() -> Completion:
    """What a request whose time is over comes to."""
    raise TimeoutError("the time of this step is over")


def _raiser(error: BaseException) -> Callable[[], Completion]:
    """Something that raises an error."""

    def give() -> Completion:
        raise error

    return give


_open: weakref.WeakSet[Batch] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A thread that the interpreter cuts off inside a model's code would end the process with an error."""
    for batch in list(_open):
        batch.close()
