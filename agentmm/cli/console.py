"""What every command shares: where lines go, how JSON is printed, when a bar is drawn, how much is said."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO

from rich.console import Console


class Streams:
    """The two streams of a run of the command line; made anew by `speaking`.

    Attributes:
        data: stdout, for results alone; libraries that print meet stderr instead.
        quiet: nothing but errors is said on stderr.
        verbose: 0, 1 for our own log, 2 for everybody's.
        began: when the run began, on the monotonic clock, s.
    """

    def __init__(self) -> None:
        self.data: TextIO = sys.stdout
        self.quiet = False
        self.verbose = 0
        self.began = time.monotonic()
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

streams = Streams()
"""Those of the run that is going on."""


@contextmanager
def speaking() -> Iterator[None]:
    """Give stdout to results alone, and keep third parties' warnings and logs away from stderr."""
    streams.__init__()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # suppressed where it has none
    streams.out = Console(file=streams.data, highlight=False, soft_wrap=True)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        with warnings.catch_warnings():
            hush(0)
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextmanager
def guarded_stdout() -> Iterator[None]:
    """While a command works, what libraries and tools print goes to stderr; `streams.data` is the real stdout."""
    with redirect_stdout(sys.stderr):
        yield


def close_stdout() -> None:
    """The reader has gone: let what is left go nowhere, so that the interpreter does not complain at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), streams.data.fileno())


def hush(verbose: int) -> None:
    """Let through what `-v` asked for: errors alone, our own log, everybody's log and warnings."""
    level = (logging.ERROR, logging.ERROR, logging.DEBUG)[min(verbose, 2)]
    root, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet("%(name)s: %(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("agentmm").setLevel((logging.ERROR, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    # Ctrl-C while a pool takes a connection back: the pool logs it, with its traceback, and raises it as well
    logging.getLogger("sqlalchemy.pool").setLevel(logging.DEBUG if verbose > 1 else logging.CRITICAL)
    warnings.simplefilter("default" if verbose > 1 else "ignore")


class _Discreet(logging.Formatter):
    """Lines of logs without keys: clients log what servers say, and a server may say back what it was sent."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        from agentmm.planner.keys import hidden, keys_of

        return hidden(super().format(record), keys_of())


def set_quiet(quiet: bool) -> None:
    """`--quiet`: only errors on stderr."""
    streams.quiet = streams.quiet or quiet


def set_verbose(verbose: int) -> None:
    """`-v`, `-vv`: logs on stderr."""
    streams.verbose = max(streams.verbose, verbose)
    if verbose:
        hush(streams.verbose)


def say(line: str, style: str | None = None, *, needed: bool = False) -> None:
    """One line of progress or advice, on stderr; with `--quiet` only one that is needed to understand a failure."""
    if needed or not streams.quiet:
        streams.err.print(_CONTROL.sub("", line), markup=False, style=style)


def say_error(line: str) -> None:
    """One line that tells what went wrong, on stderr."""
    streams.err.print(f"error: {_CONTROL.sub('', ' '.join(line.split()))}", markup=False, style="red")


def print_json(value: Any) -> None:
    """One JSON object on one line of stdout; control characters that JSON may hold as they are stand escaped."""
    told = json.dumps(value, ensure_ascii=False, default=str)
    streams.data.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", told) + "\n")
    streams.data.flush()


def print_text(text: str, style: str | None = None) -> None:
    """Plain text on stdout, in a colour where that is a terminal; control characters stay out, they may end in one."""
    text = _CONTROL.sub("", text)
    if style is not None and streams.out.is_terminal:
        streams.out.print(text.rstrip("\n"), style=style, markup=False)
        return
    streams.data.write(text.rstrip("\n") + "\n")
    streams.data.flush()


def print_table(columns: tuple[str, ...], rows: Iterable[Iterable[str]]) -> None:
    """A table on stdout: fitted to a terminal, else one line a row with aligned columns and nothing cut off."""
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not streams.out.is_terminal:
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in [list(columns), *cells]:
            print_text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    streams.out.print(table, soft_wrap=False)


def with_bar(items: Iterable[Any], total: int | None, what: str) -> Generator[Any, None, None]:
    """Iterate with a progress bar on stderr where stderr is a terminal, else a line every tenth part."""
    if streams.quiet:
        yield from items
        return
    if streams.err.is_terminal:
        from rich.progress import track

        yield from track(items, description=what, total=total, console=streams.err)
        return
    step = max(1, (total or 0) // 10)
    for number, item in enumerate(items, 1):
        yield item
        if total and number % step == 0:
            say(f"{what}: {number}/{total}")


@contextmanager
def counting(total: int, what: str) -> Iterator[Callable[[], None]]:
    """A function to call for each finished item: a bar as `with_bar` draws it, for work that is no loop here."""
    ticks = with_bar(range(total), total, what)

    def tick() -> None:
        next(ticks, None)

    tick()
    try:
        yield tick
    finally:
        ticks.close()
