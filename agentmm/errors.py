"""The one tree of errors; it knows nothing of any other room.

    AgentmmError                 exit code 1
    |- UsageError                exit code 2: the command line or the call was wrong
    |- ConfigError               a setting, preset or manifest is wrong
    |  `- BadSetting             exit code 2: a setting of the environment is no number
    |- MissingExtra              an optional dependency is not installed
    |- MediaError                a file or media object is unusable
    |- ToolError                 goes back to the planner and costs it one retry
    |  |- CallError              the call itself is wrong; nothing was run
    |  `- ToolTimeout            the tool was ended after its time
    |- ToolCrash                 a tool failed in a way it does not know itself; ends the run
    |- PlannerError              a planner cannot be loaded or gave nothing usable
    |  `- UnknownPlanner         exit code 2: no planner has that name
    |- BudgetError               a budget is malformed or spent where it must not be
    |- TraceError                the trace store or a trace is unusable
    |  `- UnknownTrace           exit code 2: no trace has that id
    `- TrainError                a training recipe cannot start or go on

Every message is one line: what was got, what was expected, and what mends it.
"""

from __future__ import annotations


class AgentmmError(Exception):
    """An error with one line for people and an exit code for programs.

    Args:
        message: what went wrong, without a full stop.
        got: the offending value; shown by `repr`, cut to 120 characters.
        expected: what would have been right.
        mend: the command or change that mends it.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, got: object = None, expected: str | None = None, mend: str | None = None
    ) -> None:
        parts = [" ".join(str(message).split())]
        if got is not None:
            parts.append(f"got {_short(got)}")
        if expected is not None:
            parts.append(f"expected {expected}")
        if mend is not None:
            parts.append(f"try: {mend}")
        super().__init__("; ".join(parts))


def _short(value: object, limit: int = 120) -> str:
    """`repr` of a value on one line, cut to `limit` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


class UsageError(AgentmmError):
    """The command line or the arguments of a call are wrong."""

    exit_code = 2


class ConfigError(AgentmmError):
    """A setting, a preset or a manifest is wrong."""


class BadSetting(ConfigError):
    """A setting that the environment or a caller gives has a value that it cannot have."""

    exit_code = 2


class MissingExtra(AgentmmError):
    """An optional dependency is missing; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", mend=f'pip install "agentmm[{extra}]"')
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        """Pickle by the two constructor arguments."""
        return type(self), (self.package, self.extra)


class MediaError(AgentmmError):
    """A file or a media object is unusable: unknown, truncated, hostile or beyond the limits."""


class ToolError(AgentmmError):
    """A tool could not do what was asked; the planner reads the message and may try again."""


class CallError(ToolError):
    """A call is wrong in itself (unknown tool, ill-typed argument, unknown handle); nothing was run."""


class ToolTimeout(ToolError):
    """A tool was ended because its time was over."""


class ToolCrash(AgentmmError):
    """A tool, or its worker process, failed in a way it does not know itself; ends the run with its trace intact."""


class PlannerError(AgentmmError):
    """A planner cannot be loaded, or gave nothing usable."""


class UnknownPlanner(PlannerError):
    """No planner has that name."""

    exit_code = 2


class BudgetError(AgentmmError):
    """A budget is malformed."""


class TraceError(AgentmmError):
    """A trace, or the store that should hold it, is unusable."""


class UnknownTrace(TraceError):
    """No trace, or no single one, has that id."""

    exit_code = 2


class TrainError(AgentmmError):
    """A training recipe cannot start or go on."""
