"""The class of every group of commands: `--quiet` and `-v` everywhere, help where nothing was named."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from agentmm.cli.console import close_stdout, guarded_stdout, say_error, set_quiet, set_verbose
from agentmm.cli.places import same_store

CONTEXT = {"help_option_names": ["-h", "--help"]}

_SHARED: dict[str, Any] = {
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")], False),
    "verbose": (Annotated[int, typer.Option("--verbose", "-v", count=True, help="Logs on stderr; -vv: all.")], 0),
}


class App(typer.Typer):
    """A group under construction; every command of it has the shared options."""

    def __init__(self, **options: Any) -> None:
        fixed = {"no_args_is_help": True, "context_settings": CONTEXT, "rich_markup_mode": "rich"}
        super().__init__(pretty_exceptions_enable=False, **{**fixed, **options})

    def command(  # type: ignore[override]  # options pass through
        self, name: str | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As Typer's."""
        register = super().command(name, context_settings=CONTEXT, **options)
        return lambda function: register(with_shared(function))


_KEPT = {
    "agentmm.cli.evaluate": "of an evaluation that did not end nothing is kept",
    "agentmm.cli.improve": "what was finished is kept in --out; the same command goes on with it",
}
"""Room of a command -> what is left of it after Ctrl-C; of the others the runs in their store are."""


def with_shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command's function with `--quiet` and `--verbose` added to its options."""

    @functools.wraps(function)
    def wrapper(**given: Any) -> Any:
        set_quiet(given.pop("quiet"))
        set_verbose(given.pop("verbose"))
        try:
            with guarded_stdout():
                return function(**given)
        except BrokenPipeError:
            close_stdout()
            return 0
        except KeyboardInterrupt:  # here, since Typer would make a silent 130 of it
            return interrupted(given.get("store"), _KEPT.get(function.__module__))

    own, hints = inspect.signature(function).parameters.values(), get_type_hints(function, include_extras=True)
    known = [param.replace(annotation=hints[param.name]) for param in own]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _SHARED.items()
    ]
    wrapper.__signature__ = inspect.Signature([*known, *added])  # type: ignore[attr-defined]  # Typer reads it
    wrapper.__annotations__ = hints | {name: annotation for name, (annotation, _) in _SHARED.items()}
    del wrapper.__wrapped__
    return wrapper


def interrupted(store: str | None = None, kept: str | None = None) -> int:
    """What Ctrl-C comes to.

    Args:
        store: the trace store that the command was given, the user's own where None.
        kept: what is kept, where that is not the runs in this store.
    """
    say_error(f"interrupted; {kept or f'what was finished is kept (agentmm traces list{same_store(store)})'}")
    return 130
