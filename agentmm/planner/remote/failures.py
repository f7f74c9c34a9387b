"""What goes wrong with a server, as one line: what happened, what the server said, what mends it.

The clients of providers share no tree of errors; their classes share names (`APITimeoutError`, `RateLimitError`), and
errors of an answer have a `status_code`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from agentmm.errors import AgentmmError, PlannerError
from agentmm.planner.keys import hidden
from agentmm.planner.remote.silence import Stalled

_TIMEOUTS = frozenset({"TimeoutError", "APITimeoutError", "TimeoutException", "ModelTimeoutError", "Timeout"})
_CONNECTIONS = frozenset(
    {"APIConnectionError", "ConnectionError", "TransportError", "ModelConnectionError", "ClientConnectionError"}
)
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What reading a reply raises that has another form; wrong JSON and failed validation are ValueErrors."""

_UNREAD = "the server's reply cannot be read"
_SHOWN_CHARS = 200


_ELSEWHERE = (401, 403, 429)
"""Statuses below 500 that another server of the same model may not give."""

_RATE = "AGENTMM_SERVER_REQUESTS_PER_MINUTE"


class Unusable(PlannerError):
    """A server that cannot be used now; another one may be asked.

    No connection reaches it, it is silent, stops in the middle, fails (429, 5xx), leads elsewhere, refuses the key, or
    what it says is no reply. What it refuses for the request itself (any other 4xx) is not of this kind.
    """


class BrokeOff(Exception):
    """A reply that streamed ended before it was finished."""


class OddReply(ValueError):
    """A reply of another form than OpenAI's protocol has; its words say what came."""


class Unheard(BrokeOff):
    """A reply that streams of which nothing came after its headers: silence, or an end."""


class NoParts(Unheard, OddReply):
    """A stream that ended before anything came."""

    def __init__(self) -> None:
        super().__init__("a stream of parts was expected, but nothing")


class ServerError(Exception):
    """An error that a server told with status 200.

    Args:
        told: its `error`.
    """

    def __init__(self, told: Any) -> None:
        super().__init__(_shown(told))
        self.body = told


def odd_reply(what: str, came: Any) -> OddReply:
    """The error of a reply that is none.

    Args:
        what: what is wrong with it.
        came: the reply, or its part; shown.
    """
    return OddReply(f"{what}, but {_shown(came)}")


def connection_broke(error: Exception) -> bool:
    """Whether a client tells of a connection that broke, not of one that was silent for too long."""
    kinds = {cls.__name__ for cls in type(error).__mro__}
    return bool(kinds & _CONNECTIONS) and not kinds & _TIMEOUTS


def fell_silent(error: Exception) -> bool:
    """Whether a client tells that nothing came for as long as it waits."""
    return any(cls.__name__ in _TIMEOUTS for cls in type(error).__mro__)


def failure_of(
    error: Exception, name: str, keys: Sequence[str], patience_s: float | None = None, mend: str | None = None
) -> AgentmmError:
    """The error of ours that tells of another's.

    Args:
        error: what a provider's client raised.
        name: of the planner.
        keys: what the line must not hold.
        patience_s: how long the server was waited for, where that is known.
        mend: what is to be tried; `doctor` where None.
    """
    if isinstance(error, AgentmmError):
        return error
    if isinstance(error, Unheard) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    kinds = {cls.__name__ for cls in type(error).__mro__}
    mend = mend or f"agentmm doctor --planner {name}"
    status = status_of(error)
    expected, kind = None, PlannerError
    if _unconnected(error):
        kind, what = Unusable, f"the server cannot be reached: {_cause(error, keys)}"
    elif isinstance(error, Stalled):
        kind, mend = Unusable, "a longer AGENTMM_SERVER_GAP_S"
        what = f"the server fell silent for {error.gap_s:g} s in the middle of its reply"
    elif isinstance(error, BrokeOff):
        why = f": {_cause(error, keys)}" if error.__cause__ is not None else ""
        what = f"the server's reply broke off in the middle{why}"
        kind, what = Unusable, f"{_UNREAD}: {error}" if isinstance(error, NoParts) else what
    elif kinds & _TIMEOUTS:
        waited = f" for {patience_s:g} s" if patience_s is not None else ""
        kind, mend = Unusable, "a longer AGENTMM_SERVER_TIMEOUT_S"
        what = f"the server was silent{waited}"
    elif kinds & _CONNECTIONS:
        kind = Unusable
        what = f"the server cannot be reached, or broke off: {_cause(error, keys)}"
    elif status is not None:
        what, expected, mend = _refused(status, error, keys, mend)
        kind = PlannerError if 400 <= status < 500 and status not in _ELSEWHERE else Unusable
    else:
        kind = Unusable if isinstance(error, _UNREADABLE) else PlannerError
        happened = _UNREAD if kind is Unusable else "the server failed"
        what = f"{happened}: {one_line(_told(error), keys)}"
    return kind(hidden(f"{what} (planner {name})", keys), expected=expected, mend=mend)


def _refused(
    status: int, error: Exception, keys: Sequence[str], mend: str | None
) -> tuple[str, str | None, str | None]:
    """What happened, what was expected and what mends it, by the status of the server's answer."""
    said = f"status {status}: {one_line(said_by(error), keys)}"
    if status < 400:
        return f"the server leads elsewhere, {said}", "the address itself", None
    if status in (401, 403):
        return f"the server refuses the key, {said}", "a valid key in the environment (OPENAI_API_KEY ...)", mend
    if status == 404:
        return f"the server knows no such model or address, {said}", None, mend
    if status == 429:
        pause = _pause(error)
        wanted = None if pause is None else f"a pause of {pause} s"
        return (
            f"the server is asked too often, {said}",
            wanted,
            f"a lower {_RATE}" if os.environ.get(_RATE) else f"set {_RATE}",
        )
    if status >= 500:
        return f"the server failed, {said}", None, mend
    return f"the server refuses the request, {said}", None, mend


def status_of(error: BaseException) -> int | None:
    """The status of the server's answer, which some clients keep as `code` in the error behind theirs.

    Args:
        error: what a provider's client raised.

    Returns:
        300 to 599; None where the server gave no answer.
    """
    for inner in _chain(error):
        for name in ("status_code", "code"):
            status = getattr(inner, name, None)
            if isinstance(status, int) and 300 <= status <= 599:
                return status
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it was raised from."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__


def _pause(error: Exception) -> str | None:
    """The seconds that the server asks to wait."""
    for inner in _chain(error):
        headers = getattr(getattr(inner, "response", None), "headers", None)
        asked = None if headers is None else headers.get("retry-after")
        if asked is not None and str(asked).replace(".", "", 1).isdigit():
            return asked
    return None


def said_by(error: Exception) -> str:
    """The server's own words, without the client's around them; the client's where there are none.

    Args:
        error: what a provider's client raised.
    """
    for inner in _chain(error):
        body = getattr(inner, "body", None)
        for inside in (body.get("error") if isinstance(body, dict) else None, body):
            if isinstance(inside, str):
                return inside
            for name in ("message", "detail", "error"):
                if isinstance(inside, dict) and isinstance(inside.get(name), str):
                    return inside[name]
        message = getattr(inner, "message", None)
        if isinstance(message, str) and message:
            return message
    return str(error)


def _told(error: Exception) -> str:
    """What went wrong, in words: what the server said, what came in place of JSON, else the client's own."""
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON, but {_shown(error.doc)}"
    if isinstance(error, UnicodeDecodeError):
        return f"no JSON, but {_shown(error.object.decode('utf-8', 'replace'))}"
    if isinstance(error, OddReply):
        return str(error)
    if getattr(error, "body", None):
        return said_by(error)
    return f"{type(error).__name__}: {error}"


def _shown(came: Any) -> str:
    """What came in place of a reply."""
    if isinstance(came, str):
        return f"the text {came.strip()}" if came.strip() else "nothing"
    return json.dumps(came, ensure_ascii=False, default=str)


def _unconnected(error: Exception) -> bool:
    """Whether no connection came about in time: clients tell it as any other timeout."""
    return any(cls.__name__ == "ConnectTimeout" for inner in _chain(error) for cls in type(inner).__mro__)


def _cause(error: Exception, keys: Sequence[str]) -> str:
    """The innermost reason: clients wrap a refused connection several times."""
    *_, inner = _chain(error)
    return f"{type(inner).__name__}: {one_line(str(inner), keys)}"


def one_line(text: str, keys: Sequence[str]) -> str:
    """Foreign words on one line, without keys and control characters, cut."""
    clean = "".join(letter if letter.isprintable() else " " for letter in hidden(text, keys))
    line = " ".join(clean.split()) or "no reason given"
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."
