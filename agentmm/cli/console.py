"""What every command shares: where lines go, how JSON is printed, when a bar is drawn."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line of progress or advice, on stderr."""
    err.print(line, markup=False)


def say_error(line: str) -> None:
    """One line that tells what went wrong, on stderr."""
    err.print(f"error: {' '.join(line.split())}", markup=False, style="red")


def print_json(value: Any) -> None:
    """One JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def print_text(text: str) -> None:
    """Plain text on stdout."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def with_bar(items: Iterable[Any], total: int | None, what: str) -> Iterator[Any]:
    """Iterate with a progress bar on stderr where stderr is a terminal, else a line every tenth part."""
    if sys.stderr.isatty() and not os.environ.get("AGENTMM_QUIET"):
        from rich.progress import track

        yield from track(items, description=what, total=total, console=err)
        return
    step = max(1, (total or 0) // 10)
    for number, item in enumerate(items, 1):
        yield item
        if total and number % step == 0:
            say(f"{what}: {number}/{total}")
