"""A tool: a typed Python function that is a LangChain tool too.

Everything a planner, a checker or a server knows of it is read once from the function's annotations and docstring.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import Field, SkipValidation

from agentmm.errors import AgentmmError, ConfigError, MediaError, ToolCrash, ToolError
from agentmm.tool.params import Param, read_params
from agentmm.tool.reference import Reference, reference_of
from agentmm.tool.result import ToolResult, as_dict, check_size, plain
from agentmm.tool.told import told

Isolation = Literal["thread", "worker"]


class Tool(BaseTool):
    """A tool, made by `@tool`; `call` runs it here and now, `agentmm.tool.run_tool` where it belongs.

    Attributes:
        function: takes and returns media objects and plain values; knows no handles.
        params: the parameters of a call, in order.
        settings: the keyword-only parameters, fixed by the app.
        options: the settings that differ from their defaults.
        returns: modalities of the result, in order.
        version: changes when the results change.
        cost: typical seconds of a call on two CPU cores.
        extra: the pip extra it needs, None for the core's own.
        memory_mb: MiB of address space that it may take, its models and libraries (but numpy) included; it then always
            runs in a worker process. None for no bound; Linux alone keeps to it.
        pure: a call has no effect but its result. One that a kill cut off is made again on resume; any other may
            have been done and is not.
        isolation: `worker` for calls that must be ended when their time is over, `thread` for pure Python.
    """

    function: SkipValidation[Callable[..., Any]] = Field(exclude=True, repr=False)
    params: dict[str, Param] = Field(default_factory=dict, repr=False)
    settings: dict[str, Param] = Field(default_factory=dict, repr=False)
    options: dict[str, Any] = Field(default_factory=dict)
    returns: tuple[str, ...] = ("Text",)
    version: str = "1"
    cost: float = 0.0
    extra: str | None = None
    memory_mb: int | None = None
    pure: bool = False
    isolation: Isolation = "worker"
    reference: Reference | None = Field(default=None, repr=False)
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    @property
    def signature(self) -> str:
        """The one line that a small planner reads: `detect(image:Image,what:Text)`."""
        inside = ",".join(f"{name}:{param.type_name}" for name, param in self.params.items())
        return f"{self.name}({inside})"

    @property
    def told(self) -> str:
        """What a small planner is told of it: the signature, and what it does where that is not known to it."""
        return told(self.signature, self.description)

    @property
    def provenance(self) -> dict[str, Any]:
        """What makes its results: name, version and settings."""
        settings = {name: param.default for name, param in self.settings.items()} | self.options
        return {"tool": self.name, "version": self.version, "settings": plain(settings)}

    def with_options(self, **options: Any) -> Tool:
        """The same tool with other settings.

        Raises:
            ConfigError: it has no such setting.
        """
        for name in options:
            if name not in self.settings:
                known = ", ".join(self.settings) or "none: this tool has no settings"
                raise ConfigError(f"tool {self.name!r} has no such setting", got=name, expected=known)
        return self.model_copy(update={"options": {**self.options, **options}})

    def call(self, **arguments: Any) -> ToolResult:
        """Run it in this thread with media objects and plain values.

        Raises:
            ToolError: it could not do what was asked.
            MissingExtra: its library is not installed.
            ToolCrash: it failed in a way it does not know itself.
        """
        started = time.perf_counter()
        try:
            value = as_dict(plain(self.function(**arguments, **self.options)))
            check_size(value)
        except MediaError as error:
            raise ToolError(str(error)) from error
        except AgentmmError:
            raise
        except RecursionError as error:
            raise ToolError(f"{self.name} returned or met something nested too deeply") from error
        except MemoryError as error:
            raise ToolError(f"{self.name} ran out of memory") from error
        except Exception as error:
            raise ToolCrash(f"tool {self.name!r} crashed: {type(error).__name__}: {str(error)[:500]}") from error
        return ToolResult(value, time.perf_counter() - started, self.provenance)

    def _run(self, config: RunnableConfig, **arguments: Any) -> tuple[str, dict[str, Any]]:
        """A call from a LangChain agent: handles in, handles out; see `agentmm.tool.foreign`."""
        from agentmm.tool.foreign import run_with_handles

        return run_with_handles(self, arguments, config)


def make_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    isolation: Isolation | None = None,
    memory_mb: int | None = None,
    returns: Sequence[str] | None = None,
    **facts: Any,
) -> Tool:
    """What `@tool` does, as a plain function (see `agentmm.tool.decorator.tool`)."""
    title = name or getattr(function, "__name__", type(function).__name__)
    if not title.isidentifier():
        raise ConfigError("a tool needs a name", got=title, expected="a Python identifier", mend='@tool(name="...")')
    text = description or inspect.getdoc(function) or ""
    summary = " ".join(text.split("\n\n")[0].split())
    if not summary:
        raise ConfigError(f"tool {title!r} has no docstring", expected="one line that tells planners what it does")
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"tool {title!r} is async", expected="a plain function", mend="asyncio.run inside it")
    params, settings, modalities = read_params(function, title)
    reference = reference_of(function)
    if memory_mb is not None:
        if isolation == "thread":
            raise ConfigError(f"tool {title!r} has a memory bound but runs in a thread", mend='isolation="worker"')
        isolation = "worker"
    if isolation == "worker" and reference is None:
        raise ConfigError(f"tool {title!r} cannot run in a worker", expected="a function at the top of a module")
    return Tool(
        name=title,
        description=summary,
        args_schema=_schema(title, params),
        function=function,
        params=params,
        settings=settings,
        returns=tuple(returns) if returns is not None else modalities,
        isolation=isolation or ("worker" if reference else "thread"),
        memory_mb=memory_mb,
        reference=reference,
        **facts,
    )


def _schema(title: str, params: dict[str, Param]) -> dict[str, Any]:
    """JSON Schema of the arguments."""
    return {
        "title": title,
        "type": "object",
        "properties": {name: param.schema() for name, param in params.items()},
        "required": [name for name, param in params.items() if param.required],
        "additionalProperties": False,
    }
