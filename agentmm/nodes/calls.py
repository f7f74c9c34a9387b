"""One call: checked, resolved, run, and its outcome on disk before anything else happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from pydantic import ValidationError

from agentmm.compose import check_call
from agentmm.errors import AgentmmError, CallError, MediaError, ToolError, ToolTimeout
from agentmm.media import MediaStore, Record
from agentmm.nodes.bounded import bounded
from agentmm.nodes.budgets import MALFORMED
from agentmm.nodes.frozen import freeze
from agentmm.state import Pending
from agentmm.tool import Tool
from agentmm.tool.checking import handles_of, resolve_arguments
from agentmm.tool.running import run_tool

log = logging.getLogger(__name__)
_GRACE_S = 0.5  # a worker needs a moment to be killed; its own error is the better one


@dataclass(frozen=True)
class Outcome:
    """How a call ended, in JSON types.

    Attributes:
        value: the frozen result, where it succeeded.
        error: one line, where it did not.
        crash: the error ends the run.
        seconds: how long it took.
        given: handles of the media that the tool was given.
    """

    value: Any = None
    error: str | None = None
    crash: bool = False
    seconds: float = 0.0
    given: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """Out of the journal."""
        names = cls.__dataclass_fields__
        return cls(**{**{key: data[key] for key in names if key in data}, "given": tuple(data.get("given", ()))})


@dataclass(frozen=True)
class Checked:
    """A call that may run."""

    tool: BaseTool
    arguments: dict[str, Any]


def check(call: Pending, tools: Sequence[Any], records: dict[str, Record], denied: Sequence[str]) -> Checked | Outcome:
    """Whether a call may run; what stands against it costs a retry and runs nothing."""
    if "malformed" in call:
        return Outcome(error=f"{MALFORMED}{call['malformed']}")
    if call["id"] in denied:
        return Outcome(error=f"a person refused the call of {call['tool']}")
    try:
        arguments = check_call(call["tool"], call["arguments"], records, tools)
    except ToolError as error:
        return Outcome(error=_line(error))
    return Checked(next(tool for tool in tools if tool.name == call["tool"]), arguments)


def run(
    checked: Checked, records: dict[str, Record], store: MediaStore, seconds: float | None, config: RunnableConfig
) -> Outcome:
    """Make a checked call; never raises what the call raised. One whose time is over is not begun."""
    if seconds is not None and seconds <= 0:
        return Outcome(error="not made: the time was over")
    started = time.perf_counter()
    try:
        if isinstance(checked.tool, Tool):
            outcome = _run_own(checked.tool, checked.arguments, records, store, seconds)
        else:
            value = bounded(lambda: _foreign(checked, config), seconds)
            outcome = Outcome(value=freeze(value, store))
    except (ToolError, MediaError, ToolException, ValidationError) as error:
        outcome = Outcome(error=_line(error), crash=isinstance(error, ToolTimeout) and seconds is not None)
    except (Exception, SystemExit) as error:
        log.info("a tool failed", exc_info=error)
        outcome = Outcome(error=_line(error), crash=True)
    return Outcome(**{**vars(outcome), "seconds": outcome.seconds or round(time.perf_counter() - started, 6)})


def _run_own(
    tool: Tool, arguments: dict[str, Any], records: dict[str, Record], store: MediaStore, seconds: float | None
) -> Outcome:
    given = tuple(handles_of(tool, arguments))
    resolved = resolve_arguments(tool, arguments, records, store)
    result = bounded(lambda: run_tool(tool, resolved, seconds), None if seconds is None else seconds + _GRACE_S)
    return Outcome(value=freeze(result.value, store), seconds=round(result.seconds, 6), given=given)


def _foreign(checked: Checked, config: RunnableConfig) -> Any:
    """The content that a LangChain or MCP tool returns, as JSON types."""
    call = {"type": "tool_call", "name": checked.tool.name, "args": checked.arguments, "id": "call"}
    reply = checked.tool.invoke(call, config)
    if not isinstance(reply, ToolMessage):
        raise CallError(f"{checked.tool.name} returned no message", got=type(reply).__name__)
    if reply.status == "error":
        raise ToolError(reply.text)
    return {"result": reply.content}


def _line(error: BaseException) -> str:
    text = str(error) if isinstance(error, AgentmmError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())
