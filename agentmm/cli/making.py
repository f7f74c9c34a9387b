"""The longer jobs behind `agentmm traces collect|pairs` and `agentmm train dpo`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any


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
        workers: processes for gold runs.
    """
    from agentmm.collect import collect_gold, collect_sampled
    from agentmm.media import default_home
    from agentmm.world.sample import sample_questions

    questions = list(sample_questions(split, n, seed))
    out = Path(store) if store else default_home() / "traces.db"
    out.parent.mkdir(parents=True, exist_ok=True)
    if planner in {"scripted", "gold"}:
        made = collect_gold(questions, out, cache=out.with_suffix(".cache"), workers=workers)
    else:
        made = collect_sampled(questions, out, planner, samples=samples, temperature=temperature, seed=seed)
    return {"traces": made, "questions": len(questions), "store": str(out)}


def write_pairs(store: str | None, path: Path, most: int) -> dict[str, Any]:
    """Outcome pairs of a store as JSONL; returns counts."""
    from agentmm.preference import outcome_pairs
    from agentmm.trace import TraceStore

    pairs = list(outcome_pairs(TraceStore(store).traces(), most=most))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            file.write(pair.model_dump_json() + "\n")
    questions = Counter(pair.question for pair in pairs)
    return {"pairs": len(pairs), "questions": len(questions), "path": str(path)}


def train_on_pairs(
    *, pairs: Path, store: str | None, planner: str, out: Path, beta: float, epochs: int, lr: float, seed: int
) -> dict[str, Any]:
    """DPO on pairs; returns the report.

    Args:
        pairs: JSONL of `PreferencePair`.
        store: the trace store that they point into.
        planner: nano or hf:FOLDER.
        out: folder for the trained weights.
        beta: strength of the pull to the reference.
        epochs: passes over the pairs.
        lr: learning rate.
        seed: of order and dropout.
    """
    from agentmm.media import default_home
    from agentmm.train.dpo import Recipe
    from agentmm.train.dpo_main import NANO, run

    folder = NANO if planner == "nano" else Path(planner.removeprefix("hf:"))
    recipe = Recipe(beta=beta, epochs=epochs, lr=lr, seed=seed)
    report = run(pairs, folder, out, default_home() / "media", recipe, store=store or default_home() / "traces.db")
    return {"out": str(out), "pairs": report["pairs"], "seconds": report["seconds"], "last": report["steps"][-1]}
