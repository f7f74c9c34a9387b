"""`agentmm traces`: look at runs, make them, pair them, replay and verify them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agentmm.cli.console import out, print_json, print_text, say, with_bar
from agentmm.errors import UsageError

app = typer.Typer(help="List, show, export, collect, pair, replay and verify traces.", no_args_is_help=True)

Store = Annotated[
    str | None, typer.Option("--store", help="Trace store: a file or a database URL (default: the user's own).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("list", epilog="agentmm traces list --limit 5   ·   agentmm traces list --status failed --json")
def list_traces(
    store: Store = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest so many.")] = 20,
    status: Annotated[
        str | None, typer.Option(help="answered | partial | unanswerable | needs_approval | failed")
    ] = None,
    json_: Json = False,
) -> None:
    """List the newest traces."""
    from agentmm.trace import TraceStore

    where = {"status": status} if status else {}
    rows = TraceStore(store).summaries(limit, **where)
    if json_:
        for row in rows:
            print_json(row)
        return
    table = Table("trace", "when", "planner", "status", "question", "answer", box=None, pad_edge=False)
    for row in rows:
        when = time.strftime("%m-%d %H:%M", time.localtime(row.get("created") or 0))
        words = [str(row.get(name) or "") for name in ("planner", "status", "question", "answer")]
        table.add_row(str(row["id"]), when, *(word[:48] for word in words))
    out.print(table)
    if not rows:
        say('no traces yet; next: agentmm demo   or   agentmm ask photo.jpg "How many people are there?"')


@app.command("show", epilog="agentmm traces show TRACE   ·   agentmm traces show TRACE --ids")
def show_trace(
    trace: Annotated[str, typer.Argument(help="Trace id, or the first letters of one.")],
    store: Store = None,
    ids: Annotated[bool, typer.Option("--ids", help="Token ids and log-probabilities too.")] = False,
    json_: Json = False,
) -> None:
    """Show one run: each plan, call, observation, and the answer."""
    from agentmm.trace import TraceStore, show

    traces = TraceStore(store)
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
    """Write traces as JSONL: conversations as TRL reads them, or whole traces."""
    from agentmm.trace import TraceStore, export_jsonl

    written = export_jsonl(TraceStore(store), "/dev/stdout" if path == "-" else path, whole=whole)
    say(f"{written} traces written to {path}")


@app.command(
    "collect",
    epilog="agentmm traces collect -n 200 --store gold.db   ·   agentmm traces collect --planner nano --samples 4",
)
def collect(
    n: Annotated[int, typer.Option("-n", min=1, help="Questions of the practice world.")] = 100,
    split: Annotated[str, typer.Option(help="train | val | test")] = "train",
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    planner: Annotated[str, typer.Option(help="scripted (gold programs) or a planner to sample from.")] = "scripted",
    samples: Annotated[int, typer.Option(min=1, help="Runs of each question, for a sampled planner.")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of a sampled planner.")] = 1.0,
    store: Store = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    json_: Json = False,
) -> None:
    """Make runs on purpose: gold programs or sampled runs, through the real graph and tools."""
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
    )
    _tell(report, json_, f"next: agentmm traces pairs pairs.jsonl{f' --store {store}' if store else ''}")


@app.command("pairs", epilog="agentmm traces pairs pairs.jsonl --store sampled.db")
def pairs(
    path: Annotated[Path, typer.Argument(help="Where the pairs go, JSONL.")],
    store: Store = None,
    most: Annotated[int, typer.Option(min=1, help="Most pairs of one question.")] = 4,
    json_: Json = False,
) -> None:
    """Turn sampled traces into preference pairs that share a prefix."""
    from agentmm.cli.making import write_pairs

    _tell(
        write_pairs(store, path, most),
        json_,
        f"next: agentmm train dpo --pairs {path}{f' --store {store}' if store else ''}",
    )


@app.command("replay", epilog="agentmm traces replay TRACE   ·   agentmm traces replay --all")
def replay(
    trace: Annotated[str | None, typer.Argument(help="Trace id, or the first letters of one.")] = None,
    store: Store = None,
    all_: Annotated[bool, typer.Option("--all", help="Every trace of the store.")] = False,
    json_: Json = False,
) -> int:
    """Run a trace again with no model and no tool loaded; the hash must come out the same."""
    from agentmm.proof import replay as replay_trace

    return _prove(trace, store, all_, json_, replay_trace, "replay")


@app.command("verify", epilog="agentmm traces verify TRACE   ·   agentmm traces verify --all")
def verify(
    trace: Annotated[str | None, typer.Argument(help="Trace id, or the first letters of one.")] = None,
    store: Store = None,
    all_: Annotated[bool, typer.Option("--all", help="Every trace of the store.")] = False,
    json_: Json = False,
) -> int:
    """Render each step again, recompute its log-probabilities, blank its images."""
    from agentmm.proof import verify as verify_trace

    return _prove(trace, store, all_, json_, verify_trace, "verify")


def _prove(trace: str | None, store: str | None, all_: bool, json_: bool, prove: Any, word: str) -> int:
    """Prove one trace or all, a line each; 1 where one fails."""
    from agentmm.media import MediaStore
    from agentmm.trace import TraceStore

    traces, media = TraceStore(store), MediaStore()
    if bool(trace) == all_:
        raise UsageError(f"{word} needs a trace or --all", mend=f"agentmm traces {word} --all")
    names = [str(row["id"]) for row in traces.summaries(None)] if all_ else [traces.find(str(trace))]
    failed = 0
    for name in with_bar(names, len(names), word) if len(names) > 1 else names:
        report = prove(traces.get(name), media)
        failed += report.status == "failed"
        if json_:
            print_json({"trace": name, **report.to_json()})
        else:
            print_text(f"{name}  {report.status}  {report.summary}")
    say(f"{len(names) - failed} of {len(names)} traces hold")
    return 1 if failed else 0


def _tell(report: dict[str, Any], json_: bool, after: str) -> None:
    if json_:
        print_json(report)
    else:
        print_text("  ".join(f"{name} {value}" for name, value in report.items()))
    say(after)
