"""How a run looks while it goes on: plans, calls and results, a line each, on stderr."""

from __future__ import annotations

import json
from typing import Any

from agentmm.cli.console import err


def show_event(event: Any, width: int = 150) -> None:
    """Print one event of `Agent.stream`; the answer is printed by `show_answer`."""
    if event.kind == "planned" and not event.calls:
        return
    if event.kind == "planned":
        thought = f" {event.text}" if event.text else ""
        _line(
            "plan",
            f"step {event.step}: {len(event.calls)} call{'s' if len(event.calls) > 1 else ''}{thought}",
            "cyan",
            width,
        )
    elif event.kind == "called":
        arguments = ", ".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in event.arguments.items()
        )
        _line("call", f"{event.tool}({arguments})", "yellow", width)
    elif event.kind == "result":
        style = "red" if event.error else "green"
        _line("got", f"{event.observation}  ({event.seconds:.2f} s)", style, width)


def show_answer(answer: Any) -> None:
    """Where the answer stands in the pictures, why it is only partial, and the next command."""
    for region in answer.regions:
        place = f"box {[round(value) for value in region.box]}" if region.box else f"span {region.span}"
        _line("cites", f"{region.handle} in {region.source}: {region.text or region.label} {place}", "blue", 150)
    if answer.status != "answered":
        _line(answer.status, answer.reason or answer.text, "red" if answer.status == "failed" else "magenta", 400)
    for call in answer.pending:
        err.print(f"waiting  {call['id']} {call['tool']} {call['arguments']}", markup=False)
        err.print(f"next     agentmm ask --resume {answer.trace_id} --approve {call['id']}", markup=False)
    if answer.trace_id and not answer.pending:
        err.print(f"next     agentmm traces show {answer.trace_id}", markup=False, style="dim")


def _line(head: str, text: str, style: str, width: int) -> None:
    flat = " ".join(text.split())
    err.print(f"{head:8} {flat if len(flat) <= width else flat[: width - 3] + '...'}", markup=False, style=style)
