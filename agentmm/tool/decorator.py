"""`@tool`: makes a tool of a function. Inside a worker process the tool is only built when something asks for it.

A worker needs the function alone; building a tool there would load LangChain, three times the cost of all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, overload

from agentmm.errors import ConfigError

if TYPE_CHECKING:
    from agentmm.tool.definition import Tool

_late = False  # whether `@tool` only remembers the function, as in a worker
_forgiving: ContextVar[bool] = ContextVar("_forgiving", default=False)  # whether what cannot be a tool is put off


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    version: str = "1",
    cost: float = 0.0,
    extra: str | None = None,
    memory_mb: int | None = None,
    pure: bool = False,
    isolation: Literal["thread", "worker"] | None = None,
    returns: Sequence[str] | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of an annotated function: `@tool`, or `@tool(extra="ocr", cost=0.4)`.

    Args:
        function: its parameters are annotated with media types, str, int, float, bool or Literal; its docstring tells
            planners what it does. Keyword-only parameters are settings that planners do not see.
        **options: name, description, version, cost, extra, memory_mb, pure, isolation, returns (see `Tool`).

    Returns:
        The tool, or a decorator.

    Raises:
        ConfigError: the function cannot be a tool; the message names the argument.
    """
    if function is None:
        return lambda inner: _made(inner, options)
    return _made(function, options)


def build_late() -> None:
    """From now on `@tool` in this process only remembers the function; for workers."""
    global _late
    _late = True


def _made(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if _late:
        return LateTool(function, options)
    try:
        return _built(function, options)
    except ConfigError as error:
        if _forgiving.get():
            return Unmade(function, error)
        raise


def _built(function: Callable[..., Any], options: dict[str, Any]) -> Tool:
    from agentmm.tool.definition import make_tool

    return make_tool(function, **options)


@contextmanager
def forgiving() -> Iterator[None]:
    """Within, `@tool` of a function that cannot be one gives an `Unmade`: one of a file is asked for, not all."""
    token = _forgiving.set(True)
    try:
        yield
    finally:
        _forgiving.reset(token)


class Unmade:
    """Stands for a function that `@tool` marks and that cannot be a tool; still a function for its neighbours.

    Args:
        function: the function.
        error: why not.
    """

    def __init__(self, function: Callable[..., Any], error: ConfigError) -> None:
        self.function, self.error = function, error

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the function."""
        return self.function(*args, **kwargs)


class LateTool:
    """Stands for a tool in a worker; becomes one when anything but its function is asked for.

    Args:
        function: the tool's function.
        options: what `@tool` was given.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.function = function
        self._options = options
        self._tool: Tool | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._tool is None:
            self._tool = _built(self.function, self._options)
        return getattr(self._tool, name)
