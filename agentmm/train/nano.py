"""The recipe of nano: LM (episodes as text), PT (captions), IT (traces); `python -m agentmm.train.nano --minutes 60`.

The decoder starts with an induction circuit (`agentmm/train/induction.py`). LM trains it on episodes imagined from the
practice world's truth; a decoder that is to read projected images must first be a language model. PT trains encoder and
projector on captions. IT trains everything on traces that real tools made. A stage that is killed goes on with
`--resume`; each finished stage exports weights that load.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agentmm.errors import TrainError, UsageError
from agentmm.model import MultimodalLM, load_preset
from agentmm.planner.own import own_model
from agentmm.planner.render import Renderer
from agentmm.train.ahead import Ahead
from agentmm.train.captions import caption_rows
from agentmm.train.drills import drill_rows
from agentmm.train.exporting import export
from agentmm.train.eyes import Eyes, Pictures, told, train_eyes
from agentmm.train.glimpses import glimpse_rows
from agentmm.train.imagined_rows import SIGNATURES, UNTHOUGHT, imagined_rows, imagined_tokenizer
from agentmm.train.induction import seed_induction
from agentmm.train.loop import Trainer, evaluate, read_checkpoint
from agentmm.train.mixture import HELD, Fresh, Mixture
from agentmm.train.packed import PackedRows
from agentmm.train.parallel import processes, rank, wait
from agentmm.train.rows import TraceRows, texts_of
from agentmm.train.rowset import RowSet
from agentmm.train.stage import Progress, Stage
from agentmm.world.wordings.skeletons import unseen_digest

SHARES = {"lm": 0.33, "eyes": 0.06, "pt": 0.05, "it": 0.56}
"""Share of the minutes that each stage gets, among those that run."""

OTHER_WEIGHT = {"lm": 0.1, "eyes": 0.0, "pt": 0.0, "it": 0.0}
"""Loss weight of tokens that the planner only reads."""

BATCH_TOKENS = 1600
"""Tokens that a step of each process computes; the signatures at the head of its rows count once."""

_SETTINGS: dict[str, tuple[str, ...]] = {
    "lm": ("preset", "episodes", "drills"),
    "eyes": ("preset", "pictures", "signs", "hold"),
    "pt": ("preset", "captions", "glimpses"),
    "it": ("preset", "device", "workers", "mixture"),
}
"""What a stage's recipe in the manifest says of the run, beside its plan."""

__all__ = ["SHARES", "SIGNATURES", "Run", "train_nano"]

Log = Callable[[str], None]


@dataclass
class Run:
    """One training: folder, settings, and what the manifest will say.

    Attributes:
        episodes: imagined episodes an epoch of the LM stage.
        pictures: labelled pictures that the encoder learns from.
        signs: share of these that are signs, beside those among all sorts.
        hold: how strongly the encoder's stage keeps the features of all other pictures where they were; 0: not.
        captions: caption pairs of the PT stage.
        glimpses: questions beside these that the picture decides, with their first turn.
        drills: copying drills beside each episode of the LM stage.
        mixture: what stands beside the traces of the IT stage.
        rate: peak learning rates as a share of the preset's; a training that goes on from good weights takes less.
        anew: parts of the start's weights that are not taken: they begin anew.
        frozen: parts that no stage trains.
        rows: traces as `agentmm.train.packed` writes them, in place of a store.
        workers: processes that make rows of the IT stage ahead; 0 makes them between epochs.
    """

    out: Path
    minutes: float
    stages: tuple[str, ...]
    store: Any = None
    media: Any = None
    seed: int = 0
    device: str = "cpu"
    resume: bool = False
    preset: str = "nano"
    episodes: int = 4000
    pictures: int = 48_000
    signs: float = 0.0
    hold: float = 0.0
    captions: int = 4_000
    glimpses: int = 32_000
    drills: float = 0.4
    mixture: Mixture = field(default_factory=Mixture)
    rate: float = 1.0
    anew: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    rows: Path | None = None
    workers: int = 0
    batch_tokens: int = BATCH_TOKENS
    log: Log = lambda line: None
    facts: dict[str, Any] = field(default_factory=dict)

    def stage(self, name: str, rates: Mapping[str, float]) -> Stage:
        """The stage's plan: its share of the minutes."""
        minutes = self.minutes * SHARES[name] / sum(SHARES[stage] for stage in self.stages)
        peaks = {part: rate * self.rate for part, rate in rates.items() if part not in self.frozen}
        return Stage(name, peaks, minutes=minutes, tokens=self.batch_tokens, other_weight=OTHER_WEIGHT[name])


def train_nano(
    minutes: float,
    out: Path | str,
    store: Any = None,
    stages: Sequence[str] = ("lm", "eyes", "pt", "it"),
    resume: bool = False,
    device: str = "cpu",
    seed: int = 0,
    *,
    media: Any = None,
    start: Path | str | None = None,
    **settings: Any,
) -> Path:
    """Train nano and export it.

    Args:
        minutes: training time of all given stages together; making rows and evaluating come on top.
        out: working folder: tokenizer, checkpoints, squares; weights land in `OUT/nano`.
        store: `TraceStore` for the IT stage (and for the tokenizer, where it has traces already).
        media: `MediaStore` with the traces' pictures; the user's own where None.
        stages: any of `lm`, `eyes`, `pt`, `it`, in this order.
        resume: go on where an earlier call with this folder stopped.
        device: "cpu" or "cuda".
        seed: of initial weights, episodes and order.
        start: folder of exported weights to start from (its tokenizer is taken).
        settings: further fields of `Run`.

    Returns:
        The folder of the exported weights.

    Raises:
        UsageError: an unknown stage or no time.
        TrainError: nothing to train on.
    """
    check_stages(stages, minutes)
    run = Run(Path(out), minutes, tuple(stages), store, media, seed, device, resume, **settings)
    run.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    renderer, model = _tokenizer(run, start), _model(run, start)
    run.facts |= {"name": run.preset, "seed": seed, **_record(start)}
    run.facts["data"]["unseen_wordings_sha256"] = unseen_digest()
    for name in run.stages:
        _STAGES[name](run, model, renderer)
        if rank() > 0:
            continue
        export(model, run.out / "tokenizer.json", run.out / "nano", run.facts)
        run.log(f"{name}: exported to {run.out / 'nano'}")
    return run.out / "nano"


def check_stages(stages: Sequence[str], minutes: float) -> None:
    """Refuse stages that do not exist, none, and no time.

    Raises:
        UsageError: it is so.
    """
    if not stages or minutes <= 0 or not set(stages) <= set(SHARES):
        raise UsageError(
            "bad stages or minutes", got=(list(stages), minutes), expected=f"some of {', '.join(SHARES)}; minutes > 0"
        )


def _tokenizer(run: Run, start: Path | str | None) -> Renderer:
    """The run's tokenizer: the one that is there, the start's, or a new one."""
    path = run.out / "tokenizer.json"
    if rank() > 0:
        wait()
        return _renderer(run)
    if start is not None and not (run.resume and path.exists()):
        path.write_bytes((Path(start) / "tokenizer.json").read_bytes())
    if not path.exists() or (start is None and not run.resume):
        size = load_preset(run.preset).text_config.vocab_size
        imagined_tokenizer(run.seed + 1, texts_of(run.store), size, min(3000, run.episodes)).save(str(path))
        run.log("tokenizer: trained")
    wait()
    return _renderer(run)


def _renderer(run: Run) -> Renderer:
    preset = load_preset(run.preset)
    return Renderer.from_pretrained(run.out, preset.image_tokens, preset.respells)


def _record(start: Path | str | None) -> dict[str, Any]:
    """What the manifest already says of the stages before: those of the weights that training starts from."""
    path = Path(start) / "manifest.json" if start is not None else None
    known = json.loads(path.read_text(encoding="utf-8")) if path is not None and path.is_file() else {}
    stages = known.get("recipe", {}).get("stages", {})
    return {"recipe": {"stages": stages}, "data": known.get("data", {}), "metrics": known.get("metrics", {})}


def _model(run: Run, start: Path | str | None) -> MultimodalLM:
    """The start's weights in float32, or random ones with an induction circuit.

    A part that the preset now names otherwise than the start has it begins anew. The learning rates are the preset's of
    today, not those that the start was made with.
    """
    model = MultimodalLM(load_preset(run.preset))
    seed_induction(model.decoder, run.seed)
    if start is None:
        return model
    old = own_model(Path(start))
    alike = {slot for slot, sizes in model.config.components.items() if sizes == old.config.components[slot]}
    if alike == set(model.config.components) and not run.anew:
        old.config.stages, old.config.respells = model.config.stages, model.config.respells
        return old
    for slot in sorted(alike - set(run.anew)):
        part, known = getattr(model, slot, None), getattr(old, slot, None)
        if part is not None and known is not None:
            _take_over(part, known, slot, start)
    begun = sorted((set(model.config.components) - alike) | set(run.anew))
    run.log(f"{', '.join(begun)}: begun anew, not taken from {start}")
    return model


def _take_over(part: torch.nn.Module, known: torch.nn.Module, slot: str, start: Path | str) -> None:
    """Load a part of the start's weights.

    Raises:
        TrainError: it has other sizes than the preset's.
    """
    try:
        part.load_state_dict(known.state_dict())
    except RuntimeError as error:
        raise TrainError(
            f"the start's {slot} has other sizes than the preset's", got=str(start), mend="the start's own preset"
        ) from error


def _train(run: Run, name: str, model: MultimodalLM, rows: RowSet, held: RowSet, refresh: Any = None) -> None:
    """Run one stage, or take it over when it was finished before; note what the manifest says of it."""
    stage = run.stage(name, model.config.stages[name])
    trainer = Trainer(model, stage, seed=run.seed, device=run.device, checkpoint=run.out / f"{name}.pt", log=run.log)
    if run.resume and trainer.resume():
        run.log(f"{name}: resumed at {trainer.progress.seconds:.0f} s")
    progress = trainer.run(rows, refresh)
    if rank() > 0:
        return
    scores = evaluate(model, held, stage, run.device)
    run.log(f"{name}: held out " + ", ".join(f"{key} {value:.4f}" for key, value in scores.items()))
    _note(run, stage, progress, scores)


def _note(run: Run, stage: Stage, progress: Progress, scores: dict[str, float]) -> None:
    """Recipe and metrics of a finished stage; what an earlier run of the same stage noted is kept under a number."""
    for noted in (run.facts["recipe"]["stages"], run.facts["metrics"]):
        if stage.name in noted:
            times = sum(name.startswith(f"{stage.name}_") for name in noted)
            noted[f"{stage.name}_{times + 1}"] = noted.pop(stage.name)
    run.facts["recipe"]["stages"][stage.name] = {
        "rates": stage.rates,
        "batch_tokens": stage.tokens,
        "processes": processes(),
        "other_weight": stage.other_weight,
        **{name: _plain(getattr(run, name)) for name in _SETTINGS[stage.name]},
        "seconds": round(progress.seconds),
        "steps": progress.steps,
        "tokens": progress.tokens,
        "epochs": progress.epoch,
    }
    run.facts["metrics"][stage.name] = {key: round(value, 4) for key, value in scores.items()}


def _plain(setting: Any) -> Any:
    """A setting as JSON."""
    return asdict(setting) if isinstance(setting, Mixture) else setting


def _lm(run: Run, model: MultimodalLM, renderer: Renderer) -> None:
    """Episodes imagined anew for every second epoch, and drills; each process imagines its own."""
    made: dict[int, RowSet] = {}
    count = max(1, run.episodes // processes())

    def fresh(epoch: int) -> RowSet | None:
        number = epoch // 2
        if number in made:
            return None
        made.clear()
        seed = 1000 + 1000 * run.seed + number + 500_000 * rank()
        drills = drill_rows(renderer, int(count * run.drills), seed)
        made[number] = RowSet.of([*imagined_rows(renderer, count, seed), *drills])
        return made[number]

    held = RowSet.of(imagined_rows(renderer, max(20, min(400, run.episodes // 10)), run.seed, split="val"))
    state = read_checkpoint(run.out / "lm.pt") if run.resume else None
    first = fresh(int(state["progress"]["epoch"]) if state else 0)
    assert first is not None
    _train(run, "lm", model, first, held, fresh)
    run.facts["data"]["lm"] = {"episodes_per_epoch": run.episodes, "sha256_of_first": first.digest}


def _eyes(run: Run, model: MultimodalLM, renderer: Renderer) -> None:
    """The encoder alone, on labelled pictures; each process draws its own. A stage that was cut off begins anew."""
    stage, size = run.stage("eyes", model.config.stages["eyes"]), model.config.image_size
    grid = size // model.config.components["encoder"]["patch_size"]
    path = run.out / "eyes.pt"
    known = read_checkpoint(path) if run.resume else None
    if known is not None:
        model.encoder.load_state_dict(known["encoder"])
        run.log("eyes: resumed at its end")
        if rank() == 0:
            _note(run, stage, Progress(**known["progress"]), known["scores"])
        return
    folder = run.out / f"eyes_{rank()}"
    folder.mkdir(exist_ok=True)
    count, seed = max(64, run.pictures // processes()), run.seed + 500_000 * rank()
    pictures = Pictures(count, seed, folder, size, grid=grid, signs=run.signs)
    eyes = Eyes(model.encoder)
    progress = train_eyes(eyes, stage, pictures, seed=run.seed, hold=run.hold, log=run.log)
    if rank() > 0:
        return
    scores = told(eyes, Pictures(max(64, run.pictures // 48), run.seed + 1, folder, size, "val", grid, run.signs))
    run.log("eyes: held out " + ", ".join(f"{key} {value:.3f}" for key, value in scores.items()))
    kept = {"stage": "eyes", "encoder": model.encoder.state_dict(), "progress": vars(progress), "scores": scores}
    torch.save(kept, path)
    _note(run, stage, progress, scores)


def _pt(run: Run, model: MultimodalLM, renderer: Renderer) -> None:
    """Captions, and first turns that the picture decides; each process draws its own pictures."""
    parts = [
        make(renderer, max(20, count // processes()), run.seed + 500_000 * rank(), run.out, model.config.image_size)
        for make, count in ((caption_rows, run.captions), (glimpse_rows, run.glimpses))
    ]
    (captions, held_captions), (glimpses, held_glimpses) = (rows.split(max(10, len(rows) // 40)) for rows in parts)
    rows = RowSet.joined([captions, glimpses])
    _train(run, "pt", model, rows, RowSet.joined([held_captions, held_glimpses]))
    counts = {"captions": len(captions) * processes(), "glimpses": len(glimpses) * processes()}
    run.facts["data"]["pt"] = {**counts, "sha256": rows.digest}


def _it(run: Run, model: MultimodalLM, renderer: Renderer) -> None:
    """Traces, and what `Mixture` puts beside them, made anew for every epoch, so that no list is memorised.

    A store is asked every minute whether there are more traces. Each process reads its own share of them; every 32nd
    of a share is held out. With `workers` other processes make ahead what stands beside the traces.
    """
    folder = run.out / f"process_{rank()}" if rank() else run.out
    folder.mkdir(exist_ok=True)
    seed, end = 3_000_000 + 1000 * run.seed + 500_000 * rank(), renderer.token_id("<|end|>")
    made: dict[str, int] = {}
    state = read_checkpoint(run.out / "it.pt") if run.resume else None
    begun, ahead = int(state["progress"]["epoch"]) if state else 0, None
    if run.workers:
        image, first = model.config, seed + 10_000 * begun  # a training that goes on gets sets that it has not had
        out, told = run.out.resolve(), renderer.respells
        fresh = Fresh(run.mixture, out, image.image_tokens, image.image_size, first, respells=told)
        ahead = Ahead(fresh, run.workers, folder / "ahead", 8 * run.workers)

    def part(epoch: int) -> RowSet:
        mine = run.mixture.shown(traces.rows, traces.families, seed + epoch, end)
        if ahead is None:
            mine += run.mixture.beside(renderer, len(mine), seed + epoch, traces.squares)
        told = RowSet.of(mine or traces.rows[:1], traces.squares.array(), traces.squares.size)
        return told if ahead is None else RowSet.joined([told, *ahead.take(6 * run.workers if epoch > begun else 0)])

    def fresh_rows(epoch: int) -> RowSet | None:
        if traces.refresh():
            run.log(f"it: {len(traces.rows)} traces ({traces.skipped} left out)")
        elif not traces.rows or made.get("epoch") == epoch:
            return None
        made["epoch"] = epoch
        return part(epoch)

    try:
        traces = _traces(run, model, renderer, folder)
        rows = fresh_rows(begun)
        if rows is None:
            raise TrainError("there are no gold traces", got=_named(run), mend="agentmm traces collect")
        held = RowSet.of(traces.rows[HELD - 1 :: HELD] or traces.rows[:1], traces.squares.array(), traces.squares.size)
        _train(run, "it", model, rows, held, fresh_rows)
    finally:
        if ahead is not None:
            ahead.close()
    if rank() > 0:
        return
    whole = traces.rowset()
    run.facts["data"]["it"] = {
        "traces": len(run.store) if run.store is not None else len(whole),
        "traces_of_first_process": len(whole),
        "mean_tokens": round(float(whole.lengths.mean()), 1),
        "images": len(np.unique(whole.images)),
        "sha256": whole.digest,
    }


def _named(run: Run) -> str:
    """Where the traces were looked for."""
    return str(run.rows or getattr(run.store, "called", run.store))


def _traces(run: Run, model: MultimodalLM, renderer: Renderer, folder: Path) -> TraceRows | PackedRows:
    """The traces of the run's packed rows, or else of its store."""
    if run.rows is not None:
        own, size = (rank(), processes()), model.config.image_size
        return PackedRows(run.rows, folder, renderer, max(1, run.workers), size=size, own=own)
    if run.store is None:
        raise TrainError("the IT stage needs traces", got=None, expected="a trace store", mend="agentmm traces collect")
    size, own = model.config.image_size, (rank(), processes())
    media = run.media or _own_media()
    return TraceRows(run.store, media, renderer, folder, size=size, unthought=UNTHOUGHT, own=own)


def _own_media() -> Any:
    """The user's media store."""
    from agentmm.media import MediaStore, default_home

    return MediaStore(default_home() / "media")


_STAGES: dict[str, Callable[[Run, MultimodalLM, Renderer], None]] = {"lm": _lm, "eyes": _eyes, "pt": _pt, "it": _it}


if __name__ == "__main__":
    import sys

    from agentmm.train.nano_main import main

    sys.exit(main())
