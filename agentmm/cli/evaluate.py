"""`agentmm eval`: suites with the oracle beside the planner, and the shameless baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import counting, print_json, print_table, print_text, say
from agentmm.cli.places import writable_file
from agentmm.cli.thinking import HELP as THINK_HELP
from agentmm.cli.thinking import thinking

app = App(help="Evaluate a planner.")


@app.callback()
def _root() -> None:
    """Suites: world (generated), photos (photographs and scans), tools and examples (what no training has seen)."""


@app.command(
    "world",
    epilog="agentmm eval world --split test -n 200 --json   ·   agentmm eval world --planner scripted -n 100   ·   "
    "agentmm eval world --without sight -n 200",
)
def world(
    split: Annotated[str, typer.Option(help="train | val | test | hard")] = "test",
    n: Annotated[int, typer.Option("-n", min=1, help="Questions.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    planner: Annotated[str, typer.Option(help="The planner to ask.")] = "nano",
    wordings: Annotated[
        str | None,
        typer.Option(help="Other wordings: unseen | free, or YAML: family -> list of templates with {a} {b} {A} {B}."),
    ] = None,
    families: Annotated[str | None, typer.Option(help="Only these, by commas: arrangement,busy.")] = None,
    typed: Annotated[
        bool, typer.Option("--typed", help="As people type: openings, lower case, no question mark, typing errors.")
    ] = False,
    evenly: Annotated[
        bool, typer.Option("--evenly", help="As many questions of each family, so that each is measured alike.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT", help="Ablation: sight (a grey picture for the planner) | tools | grammar | thoughts."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    kept: Annotated[
        Path | None, typer.Option("--kept", help="Folder of kept tool results; a second evaluation is faster.")
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option("--outcomes", help="File for every question's outcome (JSON lines).")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Ask the practice world: oracle (gold programs on the real tools), planner, planner / oracle."""
    if outcomes is not None:
        writable_file(outcomes, "--outcomes")
    from agentmm.eval import evaluate_world, format_report

    columns = 1 if planner == "scripted" else 2
    with counting(columns * n, "questions") as tick:
        report = evaluate_world(
            planner=planner, split=split, n=n, seed=seed, wordings=wordings, workers=workers, cache=kept, tick=tick,
            outcomes=outcomes, typed=typed, evenly=evenly, without=without or (),
            families=None if families is None else [name.strip() for name in families.split(",")],
        )  # fmt: skip
    if json_:
        print_json(report)
    else:
        print_text(format_report(report))
    _tell_failed(report["failed"], report["n"])
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
    _tell_failed(sum(row["status"] == "failed" for row in rows), len(rows))
    say(f"{sum(row['right'] for row in rows)} of {len(rows)} right")


@app.command("tools", epilog="agentmm eval tools   ·   agentmm eval tools --planner hf:runs/nano/nano --json")
def tools(
    planner: Annotated[str, typer.Option(help="The planner to ask.")] = "nano",
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Ask for eight tools that no training has seen: is the right one called, and missed when it is not there?"""
    from agentmm.eval.held_out import evaluate_tools

    report = evaluate_tools(planner)
    _tell_failed(report["failed"], len(report["questions"]))
    if json_:
        print_json(report)
        return
    for row in report["questions"]:
        mark, where = "right" if row["right"] else "wrong", "offered" if row["offered"] else "missing"
        print_text(f"{mark}  {row['tool']:18} {where:8} {row['question']:50} -> {row['called'] or row['answer']}")
    for name in ("right_call", "says_so"):
        low, high = report[name]["ci95"]
        share, n = 100 * report[name]["share"], report[name]["n"]
        say(f"{name.replace('_', ' ')}: {share:.1f} % ({100 * low:.1f}-{100 * high:.1f}), n {n}")


@app.command("examples", epilog="agentmm eval examples   ·   agentmm eval examples -n 60 --think on --json")
def examples(
    planner: Annotated[str, typer.Option(help="The planner to ask.")] = "nano",
    n: Annotated[int, typer.Option("-n", min=1, help="Questions of each family.")] = 40,
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = 0,
    think: Annotated[str, typer.Option(help=THINK_HELP)] = "auto",
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Ask three families that no training has seen, after none, one and two demonstrations."""
    thinks = thinking(think, planner)
    from agentmm.eval.by_example import SHOWN, evaluate_examples
    from agentmm.world.families.untrained import FAMILIES

    with counting(len(SHOWN) * len(FAMILIES) * n, "questions") as tick:
        report = evaluate_examples(planner, n, seed, think=thinks, tick=tick)
    columns = report["shown"].values()
    _tell_failed(sum(column["failed"] for column in columns), sum(column["n"] for column in columns))
    if json_:
        print_json(report)
        return
    for count, column in report["shown"].items():
        low, high = column["ci95"]
        families = ", ".join(f"{name} {100 * share:.0f}" for name, share in column["by_family"].items())
        print_text(f"{count} shown: {100 * column['accuracy']:.1f} % ({100 * low:.1f}-{100 * high:.1f}); {families}")


@app.command("families", epilog="agentmm eval families   ·   agentmm eval families --json")
def families(json_: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List the families of questions that `eval world --families` takes."""
    from agentmm.world.families import FAMILIES

    rows = [(name, FAMILIES[name].group, ", ".join(FAMILIES[name].needs)) for name in sorted(FAMILIES)]
    if not json_:
        print_table(("family", "group", "media"), rows)
        return
    for name, group, _ in rows:
        print_json({"family": name, "group": group, "media": list(FAMILIES[name].needs)})


@app.command("compare", epilog="agentmm eval compare before.jsonl after.jsonl --json")
def compare(
    before: Annotated[Path, typer.Argument(help="Outcomes of one evaluation (--outcomes FILE).")],
    after: Annotated[Path, typer.Argument(help="Outcomes of another one, same split and seed.")],
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Compare two evaluations of the same questions: the difference with its paired interval."""
    from agentmm.eval.compare import compare as compared

    found = compared(before, after)
    if json_:
        print_json(found)
        return
    for name in ("before", "after"):
        column = found[name]
        low, high = column["ci95"]
        print_text(
            f"{name:10} {100 * column['accuracy']:.1f} % ({100 * low:.1f}-{100 * high:.1f}),"
            f" {column['calls']:.2f} calls an episode"
        )
    low, high = found["ci95"]
    print_text(
        f"difference {100 * found['difference']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}), n {found['n']}"
    )
    print_text(f"gained     {found['gained']}, lost {found['lost']}")


def _tell_failed(failed: int, n: int) -> None:
    """Say that runs failed: a server that is down must not pass for a planner that is wrong."""
    if failed:
        say(f"{failed} of {n} runs failed: they count as wrong answers", "red", needed=True)
