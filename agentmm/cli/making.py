"""The longer jobs behind `agentmm traces collect|pairs` and `agentmm train`."""

from __future__ import annotations

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from agentmm.cli.console import say, say_error, streams
from agentmm.cli.places import existing_store, media_root, planner_folder, store_file
from agentmm.errors import UsageError

INTERRUPTED = 130


def collect_runs(
    *,
    split: str,
    n: int,
    seed: int,
    planner: str,
    samples: int,
    temperature: float,
    store: str | None,
    workers: int,
    at_once: int = 1,
    ray: bool = False,
    dry_run: bool = False,
    practice: Mapping[str, float] | None = None,
    as_hard: bool = False,
    faulty: float | None = None,
) -> dict[str, Any]:
    """Gold or sampled runs of world questions into a store; returns what was made.

    Args:
        split: train, val or test.
        n: questions.
        seed: of the questions.
        planner: `scripted` for gold programs, else a planner to sample.
        samples: runs of a question.
        temperature: of the samples.
        store: trace store, the user's own where None.
        workers: processes.
        at_once: runs side by side in each process, of a planner that is sampled.
        ray: the processes are workers on a Ray cluster, of a planner that is sampled.
        dry_run: only say what would be asked.
        practice: family -> how many times as often it is asked.
        as_hard: training questions under the conditions of `hard`.
        faulty: share of the questions in which tools fail, in place of the split's own.

    Returns:
        `traces` (made; of sampled ones the samples), `questions`, `store`, and `failed`: how many runs are no samples,
        since their planner could not be reached or raised.
    """
    from agentmm.world.sample import sample_questions
    from agentmm.world.sources import SPLITS

    if split not in SPLITS:
        raise UsageError("unknown split", got=split, expected=" | ".join(SPLITS))
    questions = list(sample_questions(split, n, seed, practice=practice, as_hard=as_hard, faulty=faulty))
    if dry_run:
        return {"questions": len(questions), "families": dict(Counter(asked.family for asked in questions))}
    from agentmm.collect import collect_gold, collect_sampled
    from agentmm.collect.failures import most_common

    if split != "train":
        say(f"traces of the split {split} are for measuring alone: no planner must be trained on them", needed=True)
    out, quiet = store_file(store), streams.quiet
    failed: list[str] = []
    if planner in {"scripted", "gold"}:
        if samples > 1:
            say(f"a gold program is carried out once: --samples {samples} is for a planner, --planner nano for one")
        if ray:
            raise UsageError("gold programs are carried out in processes here", got="--ray", mend="--planner nano")
        cache = out.with_suffix(".cache")
        made = collect_gold(questions, out, cache=cache, workers=workers, quiet=quiet)
    else:
        made = collect_sampled(
            questions,
            out,
            planner,
            samples=samples,
            temperature=temperature,
            seed=seed,
            workers=workers,
            at_once=at_once,
            ray=ray,
            cache=out.with_suffix(".cache"),
            quiet=quiet,
            failed=failed.append,
        )
    if failed:
        say(f"{len(failed)} runs failed, most of them so: {most_common(failed)}", "red", needed=True)
    return {"traces": made, "questions": len(questions), "failed": len(failed), "store": str(out)}


def disagreement(store: str, split: str, seed: int) -> dict[str, float]:
    """Family -> how often some runs of a question are right and others wrong, as a multiple of the mean, 0.05 to 8.

    Of the questions that `collect_runs` sampled with this split and seed; empty where no runs disagree.
    """
    from agentmm.trace import TraceStore

    traces = TraceStore(existing_store(store))
    outcomes, families = defaultdict[str, set[str]](set), dict[str, str]()
    said = traces.labelled("outcome")
    for trace, question in traces.labelled("question").items():
        if trace in said and question["id"].startswith(f"{split}-{seed}-"):
            outcomes[question["id"]].add(said[trace])
            families[question["id"]] = question["family"]
    disagree = Counter(families[question] for question, found in outcomes.items() if len(found) > 1)
    asked, mean = Counter(families.values()), disagree.total() / max(1, len(outcomes))
    if not mean:
        return {}
    return {family: min(8.0, max(0.05, disagree[family] / count / mean)) for family, count in asked.items()}


def write_pairs(store: str | None, path: Path, most: int, *, messages: bool = False) -> dict[str, Any]:
    """Outcome pairs of a store as rows, JSONL; returns counts. Runs of questions that measure are left out."""
    from agentmm.preference import outcome_pairs, write_rows
    from agentmm.trace import TraceStore
    from agentmm.trace.splits import TRAINED, split_of

    traces = TraceStore(existing_store(store))
    learnt = (trace for trace in traces.traces() if split_of(trace.labels.get("question")) == TRAINED)
    pairs = list(outcome_pairs(learnt, most=most))
    written = write_rows(pairs, traces, path, messages=messages)
    return {"pairs": written, "questions": len({pair.group for pair in pairs}), "path": str(path)}


def train_on_pairs(
    *,
    pairs: Path,
    store: str | None,
    planner: str,
    out: Path,
    device: str | None,
    control: bool = False,
    reference: Path | None = None,
    **recipe: Any,
) -> dict[str, Any]:
    """DPO on pairs; returns the report.

    Args:
        pairs: JSONL that `agentmm traces pairs` wrote.
        store: the trace store that they come from; their pictures lie beside it.
        planner: nano or hf:FOLDER.
        out: folder for the trained weights.
        device: torch device; an accelerator where there is one.
        control: learn from the pairs the wrong way round.
        reference: file of the reference's log-probs, which trainings on the same pairs share.
        **recipe: fields of `agentmm.train.dpo.Recipe`.
    """
    folder = planner_folder(planner)
    if not pairs.is_file():
        raise UsageError(
            "no such file of pairs", got=str(pairs), mend=f"agentmm traces pairs {shlex.quote(str(pairs))}"
        )
    from agentmm.train.dpo import Recipe
    from agentmm.train.dpo_main import run

    return run(
        pairs, folder, out, media_root(store), Recipe(**recipe), store=store, device=device, control=control,
        reference=reference,
    )  # fmt: skip


def train_planner(
    *,
    minutes: float,
    out: Path,
    store: str,
    stages: str,
    start: Path | None,
    processes: int,
    resume: bool,
    seed: int,
    device: str | None,
    rows: Path | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """The planner nano from nothing; returns its manifest.

    Args:
        minutes: of all stages together.
        out: working folder.
        store: trace store with gold runs.
        stages: some of lm, pt, it, by commas.
        start: folder of exported weights to start from.
        processes: how many train together.
        resume: go on where the folder's last training stopped.
        seed: of weights and order.
        device: torch device; an accelerator where there is one.
        rows: packed traces, in place of a store.
        workers: processes that make rows of IT ahead.

    Raises:
        UsageError: there is no such store, file or device.
        TrainError: the training failed.
        typer.Exit: it was interrupted, or one of several processes failed; why is said.
    """
    from agentmm.train.nano_main import train

    words = ["--minutes", str(minutes), "--out", str(out), "--stages", stages, "--seed", str(seed)]
    words += ["--processes", str(processes), *(["--resume"] if resume else [])]
    words += ["--start", str(start)] if start else []
    words += ["--device", device] if device else []
    words += ["--workers", str(workers)] if workers else []
    if rows is not None:
        words += ["--rows", str(rows)]
    elif "it" in stages.split(","):
        words += ["--store", str(existing_store(store)), "--home", str(Path(media_root(store)).parent)]
    try:
        code = train(words)
    except KeyboardInterrupt:
        say_error("interrupted; the same with --resume goes on")
        code = INTERRUPTED
    if code:
        raise typer.Exit(code)  # it has said why
    manifest = out / "nano" / "manifest.json"
    return {"folder": str(out / "nano"), **json.loads(manifest.read_text(encoding="utf-8"))}
