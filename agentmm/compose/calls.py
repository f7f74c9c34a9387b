"""Type-checks calls and whole plans before anything runs; names the ill-typed argument and a repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentmm.compose.plans import PlannedCall, levels
from agentmm.errors import CallError
from agentmm.media import Record, Region
from agentmm.tool import Tool
from agentmm.tool.checking import check_arguments, near


def check_call(
    tool: Tool | str, arguments: Any, records: Mapping[str, Record], tools: Iterable[Any] = ()
) -> dict[str, Any]:
    """Check one call.

    Args:
        tool: the tool, or its name among `tools`.
        arguments: the call's arguments as JSON; media are handles.
        records: the run's media records by handle.
        tools: the tools that may be called; needed when `tool` is a name.

    Returns:
        The arguments, ready to be resolved and run. A LangChain tool of another kind checks its own.

    Raises:
        CallError: unknown tool, unknown or missing argument, ill-typed value, unknown handle, or a path.
    """
    found = _named(tool, tools) if not hasattr(tool, "name") else tool
    if isinstance(found, Tool):
        return check_arguments(found, arguments, records)
    if not isinstance(arguments, Mapping):
        raise CallError(f"arguments of {getattr(found, 'name', found)} are no object", got=arguments)
    return dict(arguments)


def _named(name: Any, tools: Iterable[Any]) -> Any:
    """The tool of a name."""
    known = {tool.name: tool for tool in tools}
    if isinstance(name, str) and name in known:
        return known[name]
    mend = near(name, known) if isinstance(name, str) else None
    raise CallError("no such tool", got=name, expected=", ".join(known) or "a tool; this run has none", mend=mend)


def check_plan(plan: Sequence[PlannedCall], tools: Sequence[Tool], records: Mapping[str, Record]) -> list[list[str]]:
    """Check a plan whose calls use each other's results (`{"image": "$cut.image"}`), and order it.

    Args:
        plan: calls with unique ids; an argument `$id` or `$id.key` stands for the result of another call.
        tools: the tools that may be called.
        records: the run's media records by handle.

    Returns:
        Parallel levels of call ids: each level needs only the ones before it.

    Raises:
        CallError: an ill-typed edge or argument, an unknown call or a circle; nothing is run.
    """
    order = levels(plan)
    by_id = {call.id: call for call in plan}
    for call in plan:
        _check_planned(call, by_id, tools, records)
    return order


def _check_planned(
    call: PlannedCall, by_id: Mapping[str, PlannedCall], tools: Sequence[Tool], records: Mapping[str, Record]
) -> None:
    """Check the edges into one call by modality, and its own arguments by value."""
    tool = _named(call.tool, tools)
    ready = dict(call.arguments)
    stand_ins = dict(records)
    for name, source in call.sources.items():
        param = tool.params.get(name)
        if param is None:
            continue  # check_arguments names it
        _check_edge(call, name, by_id[source], tools)
        ready[name] = _stand_in(param, stand_ins)
    check_arguments(tool, ready, stand_ins)


def _check_edge(call: PlannedCall, name: str, source: PlannedCall, tools: Sequence[Tool]) -> None:
    """Whether what one call returns fits the argument of another."""
    maker, taker = _named(source.tool, tools), _named(call.tool, tools)
    param = taker.params[name]
    wanted = set(param.accepts or (param.modality,))
    wanted |= {Region.modality} if wanted & {"Image", "Audio", "Mask"} else set()
    wanted |= {"Text"} if "Choice" in wanted else set()
    if wanted.isdisjoint(maker.returns):
        fitting = [tool.name for tool in tools if not wanted.isdisjoint(tool.returns)]
        raise CallError(
            f"the edge {source.id} -> {call.id}.{name} is ill-typed",
            got=f"{source.tool} returns {', '.join(maker.returns)}",
            expected=param.type_name,
            mend=f"a call of {' or '.join(fitting)}" if fitting else None,
        )


def _stand_in(param: Any, records: dict[str, Record]) -> Any:
    """A value of the parameter's type for a result that does not exist yet."""
    if param.is_media:
        kind = param.accepts[0].lower()
        handle = f"{kind}_{10**6 + len(records)}"
        records[handle] = {"kind": kind, "sha": ""}
        return handle
    return param.choices[0] if param.choices else {"Text": "", "Number": 0, "Flag": False}[param.modality]
