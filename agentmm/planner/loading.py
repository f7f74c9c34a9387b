"""From a planner's name to a planner; heavy libraries load only with the planner that needs them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from agentmm.errors import UnknownPlanner

NAMES = "nano | hf:FOLDER_OR_NAME | openai:MODEL@URL[,URL] | provider:model | scripted | exerciser | file.py:name"
"""What `load_planner` understands."""

_ALONE = ("nano", "scripted", "exerciser")
"""Names with nothing behind them."""


def load_planner(name: Any = "nano", **options: Any) -> Any:
    """A planner of a name; a chat model is passed through, ready to see media.

    Args:
        name: one of `NAMES`, a LangChain chat model, or a callable that is given messages, tools and media and returns
            an `AIMessage`, a list of `Call` or the answer. What `file.py:name` names may also be a program: a generator
            function without arguments.
        **options: for the planner's constructor.

    Raises:
        UnknownPlanner: there is no such planner.
        PlannerError: it cannot be loaded.
    """
    if not isinstance(name, str):
        return _wrapped(name)
    if ".py:" in name:
        return _from_file(name)
    kind, _, rest = name.partition(":")
    makers: dict[str, Callable[..., Any]] = {
        "nano": _local,
        "hf": _hugging_face,
        "scripted": _scripted,
        "exerciser": _exerciser,
    }
    if kind in makers and (rest or kind != "hf"):
        return makers[kind](name, **options)
    check_name(name)
    return _remote(name, **options)


def check_name(name: str) -> None:
    """See that a name could be a planner's, loading nothing.

    Raises:
        UnknownPlanner: it is none of `NAMES`.
    """
    kind, _, rest = name.partition(":")
    if ".py:" not in name and not rest and kind not in _ALONE:
        like = difflib.get_close_matches(name, _ALONE, n=1)
        raise UnknownPlanner(
            "no planner of that name", got=name, expected=NAMES, mend=f"--planner {like[0] if like else 'nano'}"
        )


def _wrapped(planner: Any) -> Any:
    """An object as a planner: ours as it is, foreign chat models with eyes, functions with a chat model around them."""
    if getattr(planner, "takes_media", False):
        return planner
    if hasattr(planner, "bind_tools") and hasattr(planner, "invoke"):
        from agentmm.planner.remote import RemotePlanner

        return RemotePlanner(model=planner)
    if callable(planner):
        from agentmm.planner.function import FunctionPlanner

        return FunctionPlanner(function=planner)
    raise UnknownPlanner("not a planner", got=planner, expected=f"a chat model, a callable or one of {NAMES}")


def _from_file(name: str) -> Any:
    from agentmm.registry import load_attribute

    found = load_attribute(name)
    return _scripted(name, program=found) if inspect.isgeneratorfunction(found) else _wrapped(found)


def _local(name: str, **options: Any) -> Any:
    from agentmm.planner.chat import load_local

    return load_local(name, **options)


def _hugging_face(name: str, **options: Any) -> Any:
    """A model of ours that somebody trained further, or any other model of transformers that sees or hears."""
    from agentmm.planner.foreign.loading import load_foreign
    from agentmm.planner.foreign.naming import is_ours

    return (_local if is_ours(name) else load_foreign)(name, **options)


def _remote(name: str, **options: Any) -> Any:
    from agentmm.planner.remote import load_remote

    return load_remote(name, **options)


def _scripted(name: str, **options: Any) -> Any:
    from agentmm.planner.scripted import ScriptedPlanner

    return ScriptedPlanner(**options)


def _exerciser(name: str, **options: Any) -> Any:
    from agentmm.planner.exerciser import ExerciserPlanner

    return ExerciserPlanner(**options)
