"""`agentmm traces`: look at runs, make them, pair them, replay and verify them."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import print_json, print_table, print_text, say
from agentmm.cli.places import existing_store, same_store, tell_of_parts, writable_file
from agentmm.errors import UsageError

STATUSES = ("answered", "partial", "unanswerable", "needs_approval", "failed")
"""How a run may have ended, or stands."""

app = App(help="List, show, export, collect, pair, replay and verify traces.")

Store = Annotated[
    str | None, typer.Option("--store", help="Trace store: a file or a database URL (default: the user's own).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("list", epilog="agentmm traces list --limit 5   ·   agentmm traces list --status failed --json")
def list_traces(
    store: Store = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Newest so many.")] = 20,
    status: Annotated[str | None, typer.Option(help=" | ".join(STATUSES))] = None,
    json_: Json = False,
) -> None:
    """List the newest traces."""
    from agentmm.trace import TraceStore

    if status is not None and status not in STATUSES:
        raise UsageError("unknown status", got=status, expected=" | ".join(STATUSES))
    where: dict[str, Any] = {"status": status} if status else {}
    rows = TraceStore(existing_store(store)).summaries(limit, **where)
    if json_:
        for row in rows:
            print_json(row)
    else:
        columns = ("trace", "when", "planner", "status", "question", "answer")
        print_table(columns, map(_row, rows))
    tell_of_parts(store)
    if not rows and status is not None:
        say(f"no trace with that status; next: agentmm traces list{same_store(store)}")
    elif not rows:
        say('no traces yet; next: agentmm demo   or   agentmm ask photo.jpg "How many people are there?"')


def _row(row: dict[str, Any]) -> list[str]:
    when = time.strftime("%m-%d %H:%M", time.localtime(row.get("created") or 0))
    words = [str(row.get(name) or "") for name in ("planner", "status", "question", "answer")]
    return [str(row["id"]), when, *(word if len(word) <= 48 else word[:47] + "…" for word in words)]


@app.command("show", epilog="agentmm traces show TRACE   ·   agentmm traces show TRACE --ids")
def show_trace(
    trace: Annotated[str, typer.Argument(help="Trace id, or the first letters of one.")],
    store: Store = None,
    ids: Annotated[bool, typer.Option("--ids", help="Token ids and log-probabilities too.")] = False,
    json_: Json = False,
) -> None:
    """Show one run: each plan, call, observation, and the answer."""
    from agentmm.trace import TraceStore, show

    traces = TraceStore(existing_store(store))
    found = traces.get(traces.find(trace))
    if json_:
        print_json(found.model_dump(mode="json"))
    else:
        print_text(show(found, ids=ids))


@app.command("export", epilog="agentmm traces export runs.jsonl   ·   agentmm traces export - --whole")
def export(
    path: Annotated[str, typer.Argument(help="A file, or `-` for stdout.")],
    store: Store = None,
    whole: Annotated[bool, typer.Option("--whole", help="Whole traces instead of conversations.")] = False,
) -> None:
    """Write traces as JSONL: conversations as TRL reads them, or whole traces.

    Of runs that could not begin there is no conversation: they are left out, and how many is said.
    """
    from agentmm.trace import TraceStore, conversations, export_jsonl

    traces, written = TraceStore(existing_store(store)), 0
    if path != "-":
        written = export_jsonl(traces, writable_file(Path(path), "PATH"), whole=whole)
        say(f"{written} traces written to {path}")
    else:
        for row in (trace.model_dump() for trace in traces) if whole else conversations(traces):
            print_json(row)
            written += 1
    if written < len(traces):
        say(f"{len(traces) - written} left out: no planner said anything in them; --whole has them")


@app.command(
    "collect",
    epilog="agentmm traces collect -n 200 --store gold.db   ·   agentmm traces collect --planner nano --samples 4"
    "   ·   agentmm traces collect --planner nano --samples 4 --ray --workers 4 --at-once 8",
)
def collect(
    n: Annotated[int, typer.Option("-n", min=1, help="Questions of the practice world.")] = 100,
    split: Annotated[str, typer.Option(help="train | val | test | hard")] = "train",
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    planner: Annotated[str, typer.Option(help="scripted (gold programs) or a planner to sample from.")] = "scripted",
    samples: Annotated[int, typer.Option(min=1, help="Runs of each question, for a sampled planner.")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of a sampled planner.")] = 1.0,
    store: Store = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, help="Runs side by side in each process, for a sampled planner.")
    ] = 1,
    ray: Annotated[
        bool,
        typer.Option(
            "--ray", help="The processes are workers on the Ray cluster of $RAY_ADDRESS, else on one started here."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be asked.")] = False,
    json_: Json = False,
) -> int:
    """Make runs on purpose: gold programs or sampled runs, through the real graph and tools.

    Runs whose planner failed (a server that is down) are made anew the next time; exit code 1 where all failed.
    """
    from agentmm.cli.making import collect_runs

    report = collect_runs(
        split=split,
        n=n,
        seed=seed,
        planner=planner,
        samples=samples,
        temperature=temperature,
        store=store,
        workers=workers,
        at_once=at_once,
        ray=ray,
        dry_run=dry_run,
    )
    after = "next: agentmm traces pairs pairs.jsonl" if split == "train" else "next: agentmm traces list"
    made = after + same_store(store)
    lost = "next: the same again, which makes the failed runs anew" if report.get("failed") else made
    _tell(report, json_, "nothing was asked; next: the same without --dry-run" if dry_run else lost)
    return 1 if report.get("failed") and not report["traces"] else 0


@app.command(
    "pairs",
    epilog="agentmm traces pairs pairs.jsonl --store sampled.db   ·   agentmm traces pairs trl.jsonl --messages",
)
def pairs(
    path: Annotated[Path, typer.Argument(help="Where the pairs go, JSONL.")],
    store: Store = None,
    most: Annotated[int, typer.Option(min=1, help="Most pairs of one question.")] = 4,
    messages: Annotated[
        bool, typer.Option("--messages", help="Conversations as TRL reads them, instead of recorded token ids.")
    ] = False,
    json_: Json = False,
) -> None:
    """Turn sampled traces into preference pairs that share a prefix."""
    from agentmm.cli.making import write_pairs

    existing_store(store)
    report, there = write_pairs(store, writable_file(path, "PATH"), most, messages=messages), same_store(store)
    if report["pairs"]:
        _tell(report, json_, f"next: agentmm train dpo --pairs {path}{there}")
        return
    _tell(report, json_)
    say(
        "no pairs: of no training question there is a right and a wrong run with its tokens;"
        f" next: agentmm traces collect --planner nano --samples 4 -n 200{there}",
        needed=True,
    )


@app.command("replay", epilog="agentmm traces replay TRACE   ·   agentmm traces replay --all")
def replay(
    trace: Annotated[str | None, typer.Argument(help="Trace id, or the first letters of one.")] = None,
    store: Store = None,
    all_: Annotated[bool, typer.Option("--all", help="Every trace of the store.")] = False,
    graph: Annotated[
        str | None, typer.Option(help="A graph of a file or a module that may be run: no trace's own word is enough.")
    ] = None,
    json_: Json = False,
) -> int:
    """Run a trace again with no model and no tool loaded; the hash must come out the same."""
    from agentmm.cli.proving import prove, replayed

    return prove(trace, store, every=all_, json_=json_, how=partial(replayed, graph=graph), word="replay")


@app.command("verify", epilog="agentmm traces verify TRACE   ·   agentmm traces verify --all")
def verify(
    trace: Annotated[str | None, typer.Argument(help="Trace id, or the first letters of one.")] = None,
    store: Store = None,
    all_: Annotated[bool, typer.Option("--all", help="Every trace of the store.")] = False,
    json_: Json = False,
) -> int:
    """Render each step again, recompute its log-probabilities, blank its images."""
    from agentmm.cli.proving import prove, verified

    return prove(trace, store, every=all_, json_=json_, how=verified, word="verify")


def _tell(report: dict[str, Any], json_: bool, after: str | None = None) -> None:
    if json_:
        print_json(report)
    else:
        print_text("  ".join(f"{name} {value}" for name, value in report.items()))
    if after is not None:
        say(after)
