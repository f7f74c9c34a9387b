"""The loops behind `agentmm traces replay|verify`: one trace or all, a line each, and the count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentmm.cli.console import print_json, print_text, say, with_bar
from agentmm.cli.places import existing_store, media_root
from agentmm.errors import AgentmmError, UsageError

Prove = Callable[[Any, Any], tuple[str, dict[str, Any], str]]
"""(trace, media store) -> (verdict, facts for JSON, detail); a verdict is `ok`, `failed` or `not verifiable`."""


def replayed(trace: Any, media: Any, graph: str | None = None) -> tuple[str, dict[str, Any], str]:
    """Replay one trace; a graph of a file or a module only where it is the one that is named here."""
    from agentmm.proof import replay

    found = replay(trace, media, graph=graph if trace.graph == graph else None)
    facts = {"same": found.same, "hash": found.hash, "expected": found.expected, "step": found.step}
    return ("ok" if found.same else "failed"), {**facts, "detail": found.detail}, found.detail or found.hash[:16]


def verified(trace: Any, media: Any) -> tuple[str, dict[str, Any], str]:
    """Verify one trace."""
    from agentmm.proof import verify

    report = verify(trace, media)
    checks = [vars(check) for check in report.checks]
    telling = [str(check) for check in report.checks if check.status == report.status != "ok"]
    detail = "; ".join(telling) if telling else f"{len(checks)} checks"
    return report.status, {"status": report.status, "checks": checks}, detail


def prove(trace: str | None, store: str | None, *, every: bool, json_: bool, how: Prove, word: str) -> int:
    """Prove one trace or every one; returns 1 where one fails, or where there was nothing that could be proved.

    One of many that cannot be tried (its graph is not known by name, a medium is gone) is not verifiable, and the
    others are proved.

    Raises:
        UsageError: neither a trace nor `--all`, or both.
        AgentmmError: the one trace cannot be tried.
    """
    from agentmm.media import MediaStore
    from agentmm.trace import TraceStore

    if bool(trace) == every:
        raise UsageError(f"{word} needs a trace, or --all", mend=f"agentmm traces {word} --all")
    traces, media = TraceStore(existing_store(store)), MediaStore(media_root(store))
    names = [str(row["id"]) for row in traces.summaries(None)] if every else [traces.find(str(trace))]
    counts = {"ok": 0, "failed": 0, "not verifiable": 0}
    for name in with_bar(names, len(names), word) if len(names) > 1 else names:
        try:
            verdict, facts, detail = how(traces.get(name), media)
        except AgentmmError as error:
            if not every:
                raise
            verdict, facts, detail = "not verifiable", {"detail": str(error)}, str(error)
        counts[verdict] += 1
        if json_:
            print_json({"trace": name, "verdict": verdict, **facts})
        else:
            print_text(f"{name}  {verdict}  {detail}")
    say(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "no traces yet: agentmm demo")
    return 1 if counts["failed"] or (names and not counts["ok"]) else 0
