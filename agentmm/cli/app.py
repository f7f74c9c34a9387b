"""Puts the commands together and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from agentmm import __version__
from agentmm.cli import ask, demo, doctor, evaluate, graphs, tools, traces, train
from agentmm.cli.console import say_error
from agentmm.errors import AgentmmError

app = typer.Typer(
    name="agentmm",
    help="Ask questions of pictures, documents, audio and video: a planner calls tools, and every run is a trace.",
    epilog='Start with: agentmm demo   ·   agentmm ask photo.jpg "How many people are there?"   ·   agentmm doctor',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"agentmm {__version__}\n")
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
app.add_typer(tools.app, name="tools")
app.add_typer(graphs.app, name="graphs")
app.add_typer(traces.app, name="traces")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="eval")


def main() -> None:
    """Run the command line and exit with the right code."""
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    raise SystemExit(code)


def _run() -> int:
    try:
        result = app(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except AgentmmError as error:
        say_error(str(error))
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say_error("interrupted; finished steps are in the trace store (agentmm traces list)")
        return 130
    except Exception as error:
        return _usage_code(error)


def _usage_code(error: Exception) -> int:
    """Click's own errors become one line; anything else is a defect and keeps its traceback."""
    code = getattr(error, "exit_code", None)
    if code is None:
        raise error
    message = getattr(error, "format_message", lambda: str(error))()
    if type(error).__name__ == "Abort":
        say_error("interrupted")
        return 130
    if message:
        say_error(message)
    return int(code)
