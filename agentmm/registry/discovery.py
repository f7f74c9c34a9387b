"""Finds tools and graphs by module name, by `module:name`, or by `file.py:name`; imports only what is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from agentmm.errors import ConfigError, UsageError
from agentmm.tool import Tool, make_tool
from agentmm.tool.checking import near
from agentmm.tool.decorator import Unmade, forgiving
from agentmm.tool.reference import load_file, tools_in

ROOMS = {"tools": "agentmm.tools", "graphs": "agentmm.graphs"}
"""Kinds of things that are found by name, and the packages they lie in."""

ToolLike = str | BaseTool | Callable[..., Any]
"""What `load_tools` takes: a name, a tool of ours or LangChain's, or an annotated function."""


def available(kind: str) -> list[str]:
    """Names of every tool or graph, sorted; nothing of them is imported.

    Args:
        kind: `tools` or `graphs`.

    Raises:
        UsageError: another kind.
    """
    if kind not in ROOMS:
        raise UsageError("no such kind of part", got=kind, expected=" or ".join(ROOMS))
    package = importlib.import_module(ROOMS[kind])
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


def load_tools(names: Iterable[ToolLike]) -> list[Any]:
    """Tools of names, functions and tools.

    Raises:
        UsageError: a name is unknown, or two tools have the same one.
    """
    tools = [load_tool(name) for name in names]
    seen: set[str] = set()
    for tool in tools:
        if tool.name in seen:
            raise UsageError("two tools have one name", got=tool.name, mend='@tool(name="...") on one of them')
        seen.add(tool.name)
    return tools


def load_tool(name: ToolLike, **options: Any) -> Any:
    """One tool.

    Args:
        name: a tool's name, `module:name`, `file.py:name`, an annotated function, or a tool itself.
        **options: settings of a tool of ours (see `Tool.settings`).

    Returns:
        A `Tool`; a LangChain tool of another kind is passed through.

    Raises:
        UsageError: there is none of that name.
        ConfigError: it is no tool, or has no such setting.
    """
    found: Any = _find_tool(name) if isinstance(name, str) else name
    if not isinstance(found, BaseTool):
        if not callable(found):
            raise ConfigError("not a tool", got=found, expected="a function or a tool")
        found = make_tool(found)
    if not options:
        return found
    if not isinstance(found, Tool):
        raise ConfigError(f"{found.name!r} is no tool of agentmm and takes no settings", got=sorted(options))
    return found.with_options(**options)


def load_graph(name: str) -> Callable[..., Any]:
    """The `build` function of a graph: `build(planner, tools, **options) -> StateGraph`.

    Args:
        name: a graph's name, `module:function` or `file.py:function`.

    Raises:
        UsageError: there is none of that name.
    """
    if ":" in name:
        return load_attribute(name)
    return importlib.import_module(f"{ROOMS['graphs']}.{_known('graphs', name)}").build


def _find_tool(name: str) -> Any:
    """What a tool's name stands for."""
    if ":" in name:
        return load_attribute(name)
    return getattr(importlib.import_module(f"{ROOMS['tools']}.{_known('tools', name)}"), name)


def _known(kind: str, name: str) -> str:
    """The name itself when it exists."""
    names = available(kind)
    if name in names:
        return name
    if name.endswith(".py"):
        raise _without_name(kind, name)
    mend = near(name, names) or f"agentmm {kind} list"
    raise UsageError(f"no {kind[:-1]} of that name", got=name, expected=", ".join(names) or "none installed", mend=mend)


def _without_name(kind: str, where: str) -> UsageError:
    """What is said of a file without a name in it: the names there, read without running it."""
    path, expected = Path(where), f"{where}:NAME"
    if not path.is_file():
        return UsageError("no such file", got=where, expected=expected)
    found = tools_in(path) if kind == "tools" else []
    mend = " or ".join(f"{where}:{name}" for name in found[:3]) or None
    return UsageError(f"which {kind[:-1]} of the file is not said", got=where, expected=expected, mend=mend)


def load_attribute(spec: str) -> Any:
    """The object of `module:name` or `file.py:name`; tools beside it that cannot be made do no harm.

    Raises:
        UsageError: the file or module cannot be loaded, has no such name, or a tool of this one cannot be made.
    """
    where, _, name = spec.rpartition(":")
    with forgiving():
        module = _module(where, spec)
    if not hasattr(module, name):
        like = near(name, [item for item in vars(module) if not item.startswith("_")])
        raise UsageError(f"{where} has no {name!r}", got=spec, mend=f"{where}:{like}" if like else None)
    found = getattr(module, name)
    if isinstance(found, Unmade):
        raise UsageError(str(found.error), got=spec) from found.error
    return found


def _module(where: str, spec: str) -> ModuleType:
    """The module of a dotted name or a Python file."""
    expected = "module:name or file.py:name"
    if not where.endswith(".py"):
        try:
            return importlib.import_module(where)
        except (ImportError, ValueError) as error:
            raise UsageError(f"cannot import {where!r}: {error}", got=spec, expected=expected) from error
    path = Path(where).resolve()
    if not path.is_file():
        raise UsageError("no such file", got=where, expected=expected)
    try:
        return load_file(path, f"agentmm_file_{path.stem}")
    except Exception as error:
        raise UsageError(f"cannot load {where}: {type(error).__name__}: {error}", got=spec) from error
