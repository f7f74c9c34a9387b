"""`agentmm eval`: suites with the oracle beside the planner, and the shameless baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import print_json, print_text, say

app = App(help="Evaluate a planner.")


@app.callback()
def _root() -> None:
    """Suites: world (generated), photos (photographs and scans)."""


@app.command(
    "world", epilog="agentmm eval world --split test -n 200 --json   ·   agentmm eval world --planner scripted -n 100"
)
def world(
    split: Annotated[str, typer.Option(help="train | val | test")] = "test",
    n: Annotated[int, typer.Option("-n", min=1, help="Questions.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    planner: Annotated[str, typer.Option(help="The planner to ask.")] = "nano",
    wordings: Annotated[
        Path | None, typer.Option(help="YAML: family -> list of templates with {a} {b} {A} {B}.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Ask the practice world: oracle (gold programs on the real tools), planner, planner / oracle."""
    from agentmm.eval import evaluate_world, format_report

    report = evaluate_world(planner=planner, split=split, n=n, seed=seed, wordings=wordings, workers=workers)
    if json_:
        print_json(report)
    else:
        print_text(format_report(report))
    say("next: agentmm traces collect --planner nano --samples 4 -n 200 --store sampled.db")


@app.command("photos", epilog="agentmm eval photos --json")
def photos(
    planner: Annotated[str, typer.Option(help="The planner to ask.")] = "nano",
    json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Ask 20 questions about photographs and scans that ship inside the dependencies, right or wrong, one by one."""
    from agentmm.eval.photos import evaluate_photos

    rows = evaluate_photos(planner)
    for row in rows:
        if json_:
            print_json(row)
        else:
            mark = "right" if row["right"] else "wrong"
            print_text(f"{mark}  {row['picture']:24} {row['question']:58} -> {row['answer'][:60]}")
    say(f"{sum(row['right'] for row in rows)} of {len(rows)} right")
