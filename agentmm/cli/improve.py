"""`agentmm improve`: one round of the flywheel: sample, pair, align, measure, and promote what is surely better."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm.cli.console import counting, print_json, print_text, say
from agentmm.cli.places import planner_folder
from agentmm.errors import TrainError, UsageError

EXAMPLES = "agentmm improve --out runs/improved   ·   agentmm improve -n 100 --samples 4 --test-n 200 --json"

OUT = Path("runs/improved")

FURTHER = 100_000
"""Added to the seed of the further questions."""

JUDGES = ("hard", "test")
"""Splits that judge: `hard` must surely rise, `test` must not surely fall."""


def improve(
    out: Annotated[
        Path, typer.Option(help="Folder of samples, pairs and weights; a second call goes on there.")
    ] = Path("runs/improved"),
    planner: Annotated[str, typer.Option(help="The planner to improve: nano or hf:FOLDER.")] = "nano",
    n: Annotated[int, typer.Option("-n", min=1, help="Training questions to sample.")] = 400,
    further: Annotated[
        int, typer.Option(min=0, help="Further questions, of the families whose runs disagree most often.")
    ] = 0,
    faulty: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Share of the --further questions in which tools fail; if not said, that of `hard`."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=2, help="Runs of each question.")] = 4,
    as_hard: Annotated[
        bool,
        typer.Option(
            "--as-hard/--as-they-are",
            help="Ask training questions under the conditions of the split `hard`: failing tools, blur, unknown words.",
        ),
    ] = True,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of the samples.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of questions, samples and order.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pairs.")] = 1,
    lr: Annotated[float, typer.Option(min=0.0, help="Learning rate.")] = 1e-5,
    beta: Annotated[float, typer.Option(min=0.0, help="Strength of the pull to the reference.")] = 0.1,
    sft: Annotated[
        float, typer.Option(min=0.0, help="Weight of the right runs' own likelihood beside DPO (RLAIF-V's term).")
    ] = 0.0,
    test_n: Annotated[int, typer.Option("--test-n", min=1, help="Questions of each split that judges.")] = 400,
    rounds: Annotated[
        int, typer.Option("--seeds", min=1, help="Trainings on the same pairs, each in another order.")
    ] = 1,
    control: Annotated[
        bool, typer.Option("--control", help="Train also on the pairs the wrong way round, which must make it worse.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that ask.")] = 2,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Collect sampled runs, pair them by outcome, train DPO, and promote the weights only if they are better.

    They are promoted (to OUT/promoted) where the interval of the difference lies above 0 on the split `hard` and not
    below 0 on `test`, by paired bootstrap over the same questions. With several seeds the first such training is taken;
    the intervals are not corrected for trying several.
    """
    if faulty is not None and not further:
        raise UsageError("--faulty is about further questions", got="--further 0", mend="--further 400")
    folder = planner_folder(planner)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("--out is no folder that can be made", got=str(out), mend="--out runs/improved") from error
    _of_one_planner(out, folder)
    asked = {
        "planner": planner, "samples": samples, "temperature": temperature, "workers": workers, "as_hard": as_hard,
    }  # fmt: skip
    report = {"planner": planner, **_paired(out, n, further, seed, asked, faulty)}
    recipe = {"epochs": epochs, "lr": lr, "beta": beta, "sft": sft}
    names = {f"dpo_{seed + k}" if k else "dpo": {"seed": seed + k} for k in range(rounds)}
    names |= {"control": {"seed": seed, "control": True}} if control else {}
    report["trained"] = {}
    for name, own in names.items():
        report["trained"][name] = _trained(out, name, planner, **recipe, **own)
        for split in JUDGES:
            report["trained"][name][split] = _judged(out, split, planner, name, test_n, seed, workers)
    report["promoted"] = _promoted(out, report["trained"])
    _tell(report, out, json_=json_)


def _of_one_planner(out: Path, folder: Path) -> None:
    """Note whose round OUT holds: its samples, pairs and outcomes are those of one planner.

    Raises:
        UsageError: the round there is another planner's.
    """
    from agentmm.model.identity import weights_id

    noted, own = out / "planner.txt", weights_id(folder)
    known = noted.read_text(encoding="utf-8").strip() if noted.exists() else own
    if known != own:
        raise UsageError(
            "the folder has the round of another planner", got=f"weights {known}", expected=own, mend="--out ANOTHER"
        )
    noted.write_text(own + "\n", encoding="utf-8")


def _promoted(out: Path, trained: dict[str, Any]) -> str | None:
    """Copy the first weights that are surely better to OUT/promoted; their name, None where there are none."""
    for name, found in trained.items():
        if name != "control" and better(found["hard"]["ci95"], found["test"]["ci95"]):
            shutil.copytree(out / name, out / "promoted", dirs_exist_ok=True)
            return name
    return None


def better(hard: Any, test: Any) -> bool:
    """Whether intervals of the differences on `hard` and `test` promote the new weights."""
    return hard[0] > 0 and test[1] >= 0


def _paired(
    out: Path, n: int, further: int, seed: int, asked: dict[str, Any], faulty: float | None = None
) -> dict[str, Any]:
    """Samples and pairs; says what there was."""
    from agentmm.cli.making import collect_runs, disagreement, write_pairs

    store, samples = str(out / "sampled.db"), asked["samples"]
    say(f"sampling {n} questions {samples} times -> {store}")
    collected = [collect_runs(split="train", n=n, seed=seed, store=store, **asked)]
    practice = disagreement(store, "train", seed) if further else {}
    if practice:
        most = sorted(practice, key=lambda family: -practice[family])[:5]
        say(f"{further} further questions, most of all {', '.join(most)}")
        collected.append(
            collect_runs(
                split="train", n=further, seed=seed + FURTHER, store=store, practice=practice, faulty=faulty, **asked
            )
        )
    paired = write_pairs(store, out / "pairs.jsonl", 4)
    if not paired["pairs"]:
        raise TrainError(
            "there is nothing to learn from",
            got=f"0 pairs of {n} questions",
            expected="questions of which some runs are right and others wrong",
            mend=f"agentmm improve --out {out} -n {2 * n}, or a higher --temperature",
        )
    say(f"{paired['pairs']} pairs of {paired['questions']} questions -> {paired['path']}")
    questions, failed = (sum(made.get(what, 0) for made in collected) for what in ("questions", "failed"))
    return {"collected": {"questions": questions, "traces": questions * samples - failed}, "paired": paired}


def _trained(out: Path, name: str, planner: str, **recipe: Any) -> dict[str, Any]:
    """Weights in OUT/NAME from the pairs; what training said, its steps left out."""
    from agentmm.cli.making import train_on_pairs

    store = str(out / "sampled.db")
    told = train_on_pairs(
        pairs=out / "pairs.jsonl", store=store, planner=planner, out=out / name, device=None,
        reference=out / "reference.safetensors", **recipe,
    )  # fmt: skip
    return {key: value for key, value in told.items() if key != "steps"}


def _judged(out: Path, split: str, planner: str, name: str, n: int, seed: int, workers: int) -> dict[str, Any]:
    """The same questions asked of the planner before, once, and after; tool results are kept between the two."""
    from agentmm.eval.compare import compare
    from agentmm.eval.running import Sample, run_column, write_outcomes

    before, after = out / f"{split}_before_{n}_{seed}.jsonl", out / f"{split}_{name}.jsonl"
    todo = ({} if before.exists() else {before: planner}) | {after: f"hf:{out / name}"}
    with counting(len(todo) * n, f"{split} questions") as tick:
        for file, asked_of in todo.items():
            asked = run_column(asked_of, Sample(split, n, seed), workers=workers, cache=out / "kept", tick=tick)
            draft = file.with_suffix(".part")  # the next call takes a file that is there for a whole one
            write_outcomes(asked, draft)
            draft.replace(file)
    return compare(before, after)


def _tell(report: dict[str, Any], out: Path, *, json_: bool) -> None:
    """The report, and where the weights are."""
    if json_:
        print_json(report)
    else:
        for name, trained in report["trained"].items():
            print_text(
                f"{name}: margin grew on {100 * trained['margin_grew']:.0f} % of pairs, KL {trained['kl']:.4f} a token"
            )
            for split in JUDGES:
                print_text("  " + _difference(split, trained[split]))
        print_text(f"promoted: {report['promoted']}" if report["promoted"] else "not promoted: the gain is not sure")
    if report["promoted"]:
        say(f"next: agentmm ask --planner hf:{out / 'promoted'} picture.png ...")
    else:
        say("next: the planner stays as it is; more questions (-n, --further) give more pairs")


def _difference(split: str, found: dict[str, Any]) -> str:
    low, high = (100 * bound for bound in found["ci95"])
    before, after = (100 * found[when]["accuracy"] for when in ("before", "after"))
    return f"{split:5} {before:.1f} % -> {after:.1f} %, {after - before:+.1f} ({low:+.1f} to {high:+.1f})"
