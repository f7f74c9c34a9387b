"""Budgets: which one is spent, how much time is left, and what a run that one ended can honestly say."""

from __future__ import annotations

import time
from typing import Any

from langchain_core.runnables import RunnableConfig

from agentmm.state import Settings, State, calls_made

MALFORMED = "a malformed call: "
"""How the error of a call begins that could not be read."""

_SHOWN_CHARS = 200
_SHOWN_CALLS = 3


def settings_of(state: State) -> Settings:
    """The run's settings."""
    return Settings.of(state.get("settings") or {})


def deadline_of(state: State, config: RunnableConfig) -> float | None:
    """When the run must be over, seconds since 1970; None without a timeout.

    A caller's own deadline (`configurable.agentmm_deadline`) comes first: a resumed run gets its time anew.
    """
    given = (config.get("configurable") or {}).get("agentmm_deadline")
    if given is not None:
        return float(given)
    timeout = settings_of(state).timeout
    started = state.get("started")
    return None if timeout is None or started is None else started + timeout


def seconds_left(state: State, config: RunnableConfig) -> float | None:
    """Seconds until the deadline, never below 0; None without one."""
    deadline = deadline_of(state, config)
    return None if deadline is None else max(0.0, deadline - time.time())


def spent(state: State, config: RunnableConfig) -> str | None:
    """The budget that forbids another planner step, in words; None while all last."""
    settings = settings_of(state)
    left = seconds_left(state, config)
    if left is not None and left <= 0:
        return timeout_words(settings)
    if state.get("steps", 0) >= settings.max_steps:
        return f"max_steps={settings.max_steps} is spent{_all_malformed(state)}"
    if state.get("errors", 0) > settings.max_errors:
        return f"max_errors={settings.max_errors} is spent{_all_malformed(state)}"
    return _tokens(state.get("tokens", 0), settings)


def forbids_calls(state: State, count: int, tokens: int) -> str | None:
    """The budget that forbids `count` more calls after a step of `tokens` tokens, in words."""
    settings = settings_of(state)
    if state.get("calls", 0) + count > settings.max_calls:
        return f"max_calls={settings.max_calls} is spent"
    return _tokens(state.get("tokens", 0) + tokens, settings)


def timeout_words(settings: Settings) -> str:
    """How a spent timeout is called."""
    return "the time is over" if settings.timeout is None else f"timeout={settings.timeout:g} s is over"


def found_so_far(state: State) -> str:
    """The last results in one line, for an answer that came to no end."""
    good = [call for call in calls_made(state.get("messages", [])) if not call["error"]]
    if not good:
        return "Nothing was found so far."
    return "Found so far: " + "; ".join(_shown(call) for call in good[-_SHOWN_CALLS:])


def _all_malformed(state: State) -> str:
    """What the last call was, where the planner made none that could be read."""
    errors = [str(call["error"] or "") for call in calls_made(state.get("messages", []))]
    if not errors or not all(error.startswith(MALFORMED) for error in errors):
        return ""
    return f"; the last call was malformed: {errors[-1].removeprefix(MALFORMED)}"


def _tokens(tokens: int, settings: Settings) -> str | None:
    if settings.max_tokens is not None and tokens >= settings.max_tokens:
        return f"max_tokens={settings.max_tokens} is spent"
    return None


def _shown(call: dict[str, Any]) -> str:
    text = call["observation"]
    return f"{call['tool']} gave {text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + '...'}"
