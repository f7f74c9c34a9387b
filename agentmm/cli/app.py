"""Puts the commands together and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from agentmm import __version__
from agentmm.cli import ask, demo, doctor, evaluate, graphs, improve, tools, traces, train
from agentmm.cli.commands import App, interrupted
from agentmm.cli.console import print_text, say_error, speaking, streams
from agentmm.cli.doctor import EXTRAS
from agentmm.errors import AgentmmError, MissingExtra

EPILOG = (
    'Start with: agentmm demo   ·   agentmm ask photo.jpg "How many people are there?"   ·   agentmm doctor\n\n'
    "Exit codes: 0 ok   ·   1 the run failed   ·   2 wrong usage: an unknown option, name or trace, a file that is"
    " missing or no medium   ·   130 interrupted"
)

app = App(
    name="agentmm",
    help="Ask questions of pictures, documents, audio and video: a planner calls tools, and every run is a trace.",
    epilog=EPILOG,
)


def _version(asked: bool) -> None:
    if asked:
        print_text(f"agentmm {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""


app.command("ask", epilog=ask.EXAMPLES)(ask.ask)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.command("improve", epilog=improve.EXAMPLES)(improve.improve)
app.add_typer(tools.app, name="tools")
app.add_typer(graphs.app, name="graphs")
app.add_typer(traces.app, name="traces")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="eval")


def main() -> None:
    """Run the command line and exit with its code.

    A job that was left behind when its time was over may be in the middle of native code, which the interpreter's end
    would break; then the process ends at once, its workers closed.
    """
    code = run()
    jobs = sys.modules.get("agentmm.nodes.bounded")  # loaded with a run; help needs none of it
    if jobs is not None and any(thread.name == jobs.JOB for thread in threading.enumerate()):
        from agentmm.tool.worker import WORKERS

        WORKERS.close()
        sys.stdout.flush()
        os._exit(code)
    raise SystemExit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line in this process.

    Args:
        arguments: the words after `agentmm`; those of this process where None.

    Returns:
        The exit code: 0 ok, 1 run failed, 2 usage, 130 interrupted.
    """
    with speaking():
        code = _guarded(None if arguments is None else list(arguments))
        with suppress(OSError, ValueError):
            sys.stderr.flush()
    return code


def _guarded(arguments: list[str] | None) -> int:
    try:
        result = app(args=arguments, prog_name="agentmm", standalone_mode=False)
        streams.data.flush()
        return result if isinstance(result, int) else 0
    except SystemExit as ended:  # Typer ends so after completion, and when a reader went away while help was printed
        return 0 if isinstance(ended.__context__, BrokenPipeError) or not ended.code else 1
    except KeyboardInterrupt:
        return interrupted()
    except AgentmmError as error:
        say_error(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        return _missing(error)
    except OSError as error:
        say_error(_disk_line(error))
        return 1
    except Exception as error:
        return _usage_code(error)


def _missing(error: ModuleNotFoundError) -> int:
    """A library that belongs to an extra; a module of ours that is gone is a defect."""
    library = (error.name or "").partition(".")[0]
    extra = next((name for name, modules in EXTRAS.items() if library in modules), None)
    if extra is None:
        raise error
    say_error(str(MissingExtra(library, extra)))
    return 1


def _disk_line(error: OSError) -> str:
    """An error of the operating system in one line."""
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}; try: agentmm doctor"


def _usage_code(error: Exception) -> int:
    """Typer's own errors become one line; anything else is a defect and keeps its traceback."""
    code = getattr(error, "exit_code", None)
    name = type(error).__name__
    if name == "Abort":
        return interrupted()
    if code is None:
        raise error
    message = getattr(error, "format_message", lambda: str(error))()
    if name == "NoArgsIsHelpError":
        print_text(message)
    elif message:
        say_error(f"{_suggesting(message)}; try: {_help_command(error)}")
    return int(code)


def _suggesting(message: str) -> str:
    """`Did you mean` for options too."""
    message = re.sub(r" \(Possible options: (.*)\)$", r". Did you mean \1?", message)
    return message.removesuffix(".")


def _help_command(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context is not None else 'agentmm'} --help"
