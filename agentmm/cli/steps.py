"""How a run looks while it goes on: plans, calls and results, a line each, on stderr."""

from __future__ import annotations

import json
from typing import Any

from agentmm.cli.console import say


def show_event(event: Any, width: int = 150) -> None:
    """Print one event of `Agent.stream`; the answer is printed by `show_answer`."""
    if event.kind == "planned" and (event.calls or event.thought):
        count, thought = len(event.calls), f" {event.thought}" if event.thought else ""
        what = f"{count} call{'s' if count > 1 else ''}" if count else "answer"
        _line("plan", f"step {event.step}: {what}{thought}", "cyan", width)
    elif event.kind == "called":
        given = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in event.arguments.items())
        _line("call", f"{event.tool}({', '.join(given)})", "yellow", width)
    elif event.kind == "result":
        _line("got", f"{event.observation}  ({event.seconds:.2f} s)", "red" if event.error else "green", width)


def show_answer(answer: Any, flags: str = "", store: str = "") -> None:
    """Where the answer stands in the media, why it is only partial, and the next command.

    Args:
        answer: an `Answer`.
        flags: options that `agentmm ask` needs again, such as ` --planner scripted`.
        store: where `agentmm traces` finds the trace, such as ` --store traces.db`.
    """
    for region in answer.regions:
        place = f"box {[round(value) for value in region.box]}" if region.box else f"span {region.span}"
        _line("cites", f"{region.handle} in {region.source}: {region.text or region.label} {place}", "blue", 150)
    if answer.status == "partial":
        _line("partial", answer.reason or answer.text, "magenta", 400)
    if answer.status == "failed":
        _line("failed", answer.reason or answer.text, "red", 400, needed=True)
    for call in answer.pending:
        arguments = json.dumps(call["arguments"], ensure_ascii=False)
        _line("waiting", f"{call['id']} {call['tool']} {arguments}", "magenta", 400, needed=True)
        say(f"next     agentmm ask --resume {answer.trace_id} --approve {call['id']}{flags}", needed=True)
    if answer.trace_id and not answer.pending:
        say(f"next     agentmm traces show {answer.trace_id}{store}", style="dim")


def _line(head: str, text: str, style: str, width: int, *, needed: bool = False) -> None:
    flat = " ".join(text.split())
    say(f"{head:8} {flat if len(flat) <= width else flat[: width - 3] + '...'}", style=style, needed=needed)
