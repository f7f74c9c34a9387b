"""`agentmm train`: the detector, the planner, and preference training; the first two are resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentmm.cli.commands import App
from agentmm.cli.console import print_json, say

app = App(help="Train the detector, the planner nano, or a planner on preference pairs.")

Minutes = Annotated[float, typer.Option(min=0.01, help="Wall time to train.")]
Out = Annotated[Path, typer.Option(help="Folder of checkpoints and of the finished weights.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, ... (default: an accelerator where there is one).")]
Seed = Annotated[int, typer.Option(help="Seed of weights, data and order.")]


@app.command("detector", epilog="agentmm train detector --minutes 40   ·   agentmm train detector --resume")
def detector(
    minutes: Minutes = 40.0,
    out: Out = Path("runs/detector"),
    resume: Resume = False,
    seed: Seed = 7,
    device: Device = None,
) -> None:
    """Train the small shape detector from nothing on generated scenes (60 minutes on 2 cores at most)."""
    from agentmm.train.detector import Recipe, train_detector

    print_json(train_detector(minutes, out, resume, device, Recipe(seed=seed)))
    say(
        f"next: cp {out}/model.* {out}/manifest.json agentmm/weights/detector/ && agentmm eval world --planner scripted"
    )


@app.command(
    "nano", epilog="agentmm traces collect -n 8000 --store runs/gold.db && agentmm train nano --store runs/gold.db"
)
def nano(
    minutes: Minutes = 60.0,
    store: Annotated[str, typer.Option(help="Trace store with gold runs (agentmm traces collect).")] = "runs/gold.db",
    out: Out = Path("runs/nano"),
    stages: Annotated[str, typer.Option(help="Some of lm, eyes, pt, it, by commas.")] = "lm,eyes,pt,it",
    start: Annotated[Path | None, typer.Option(help="Folder of exported weights to start from.")] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Train with so many processes through torchrun; 2 is best on 2 cores.")
    ] = 1,
    rows: Annotated[
        Path | None, typer.Option(help="Packed traces in place of a store: python -m agentmm.train.packed --help")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that make rows of IT ahead: as many as a GPU machine can spare.")
    ] = 0,
    resume: Resume = False,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Train the planner from nothing: language (LM), captions (PT), traces (IT)."""
    from agentmm.cli.making import train_planner

    report = train_planner(
        minutes=minutes, out=out, store=store, stages=stages, start=start, processes=processes, resume=resume,
        seed=seed, device=device, rows=rows, workers=workers,
    )  # fmt: skip
    print_json(report)
    say(f"next: agentmm eval world --planner hf:{report['folder']} -n 200")


@app.command("dpo", epilog="agentmm train dpo --pairs pairs.jsonl --store sampled.db --out runs/dpo")
def dpo(
    pairs: Annotated[Path, typer.Option(help="Pairs (agentmm traces pairs).")],
    store: Annotated[str | None, typer.Option(help="Trace store that the pairs come from.")] = None,
    planner: Annotated[str, typer.Option(help="The planner to train: nano or hf:FOLDER.")] = "nano",
    out: Out = Path("runs/dpo"),
    beta: Annotated[float, typer.Option(min=0.0, help="Strength of the pull to the reference.")] = 0.1,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pairs.")] = 1,
    lr: Annotated[float, typer.Option(min=0.0, help="Learning rate.")] = 1e-5,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long.")] = None,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """DPO (arXiv 2305.18290) on recorded ids: assistant tokens only, forced ones left out."""
    from agentmm.cli.making import train_on_pairs

    report = train_on_pairs(
        pairs=pairs, store=store, planner=planner, out=out, device=device,
        beta=beta, epochs=epochs, lr=lr, minutes=minutes, seed=seed,
    )  # fmt: skip
    print_json(report)
    say(f"next: agentmm eval world --planner hf:{out} -n 200")
