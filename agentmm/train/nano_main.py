"""The command line of `agentmm.train.nano`: traces and weights in, weights out."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar

from agentmm.errors import AgentmmError, UsageError
from agentmm.train.mixture import Mixture
from agentmm.train.nano import BATCH_TOKENS, Run, check_stages, train_nano
from agentmm.train.nano import __doc__ as recipe
from agentmm.train.outset import check_device, check_folder
from agentmm.train.packed import check_packed
from agentmm.train.parallel import join, leave, rank, torchrun
from agentmm.train.practice import read_practice


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train, say where the weights are or why not; returns the exit code."""
    try:
        return train(arguments)
    except AgentmmError as error:
        _tell(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _tell("error: interrupted; --resume goes on")
        return 130


def train(arguments: Sequence[str] | None = None) -> int:
    """Parse, train, say where the weights are; returns the exit code of the processes where there are several, else 0.

    Raises:
        UsageError: an option is wrong; nothing was made.
        TrainError: the training cannot go on.
    """
    parser = argparse.ArgumentParser(prog="python -m agentmm.train.nano", description=recipe)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=Path("runs/nano"))
    parser.add_argument("--store", help="trace store for IT (file or URL); without it IT cannot run")
    parser.add_argument("--home", type=Path, help="folder that has the traces' media/; the user's own by default")
    parser.add_argument("--stages", default="lm,eyes,pt,it")
    parser.add_argument("--start", type=Path, help="exported weights to start from")
    parser.add_argument("--anew", default="", help="parts of these weights that begin anew: encoder,projector,decoder")
    parser.add_argument("--frozen", default="", help="parts that are not trained: decoder")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="threads of each process; all cores by default")
    parser.add_argument("--processes", type=int, default=1, help="train with so many processes, through torchrun")
    parser.add_argument("--drills", type=float, default=Run.drills, help="copying drills beside each episode")
    parser.add_argument(
        "--imagined", type=float, default=Mixture.imagined, help="imagined episodes beside each trace of IT"
    )
    parser.add_argument("--invented", type=float, default=Mixture.invented, help="invented tools beside each of these")
    parser.add_argument("--made-up", type=float, default=Mixture.made_up, help="made-up words beside each trace of IT")
    parser.add_argument(
        "--meanings", type=float, default=Mixture.meanings, help="rows about words of the lexicon beside each trace"
    )
    parser.add_argument(
        "--concepts", type=float, default=Mixture.concepts, help="whole episodes about concepts beside each trace"
    )
    parser.add_argument(
        "--everyday", type=float, default=Mixture.everyday, help="episodes about what is said beside each trace"
    )
    parser.add_argument("--rows", type=Path, help="packed traces for IT (agentmm.train.packed), in place of a store")
    parser.add_argument("--workers", type=int, default=0, help="processes that make rows of IT ahead; 0: none")
    parser.add_argument("--captions", type=int, default=Run.captions, help="caption pairs of PT")
    parser.add_argument(
        "--glimpses", type=int, default=Run.glimpses, help="first turns that the picture decides, in PT"
    )
    parser.add_argument("--pictures", type=int, default=Run.pictures, help="labelled pictures of the encoder's stage")
    parser.add_argument("--signs", type=float, default=Run.signs, help="share of signs among these, turned or not")
    parser.add_argument(
        "--hold", type=float, default=Run.hold, help="encoder's stage: keep other features as they were"
    )
    parser.add_argument("--rate", type=float, default=Run.rate, help="peak learning rates as a share of the preset's")
    parser.add_argument(
        "--practice", default="", help="IT: families that are shown more often: cell=3,height=2,busy=0.5"
    )
    parser.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args(arguments)
    _check(options)
    if options.processes > 1 and "WORLD_SIZE" not in os.environ:
        return torchrun("agentmm.train.nano", sys.argv[1:] if arguments is None else arguments, options.processes)
    torch.set_num_threads(options.threads or max(1, (os.cpu_count() or 1) // options.processes))
    disable_progress_bar()
    join(options.device)
    folder = _from_options(options)
    _say(f"weights -> {folder}")
    leave()
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be before anything is made.

    Raises:
        UsageError: no such device, stage, part or family, no traces for IT, or a file or folder that will not do.
    """
    check_stages(options.stages.split(","), options.minutes)
    check_device(options.device)
    _parts_of(options.anew), _parts_of(options.frozen), read_practice(options.practice)
    if options.start is not None and not (options.start / "tokenizer.json").is_file():
        raise UsageError(
            "no such folder of exported weights", got=str(options.start), expected="a folder with tokenizer.json",
            mend="--start agentmm/weights/nano",
        )  # fmt: skip
    if options.rows is not None:
        check_packed(options.rows)
    elif "it" in options.stages.split(","):
        _check_store(options.store)
    check_folder(options.out)


def _check_store(store: str | None) -> None:
    """See that IT, the last stage, will find traces: the others may take hours.

    Raises:
        UsageError: no store is named, or there is none in that file.
    """
    mend = "agentmm traces collect -n 8000 --store gold.db"
    if store is None:
        raise UsageError("the stage it needs traces", expected="--store FILE or --rows FILE", mend=mend)
    if "://" not in store and not Path(store).is_file():
        raise UsageError("no trace store there", got=store, mend=mend)


def _from_options(options: argparse.Namespace) -> Path:
    store = media = None
    if options.store:
        from agentmm.trace import TraceStore

        store = TraceStore(options.store)
    if options.home:
        from agentmm.media import MediaStore

        media = MediaStore(options.home / "media")
    return train_nano(
        options.minutes,
        options.out,
        store,
        tuple(options.stages.split(",")),
        options.resume,
        options.device,
        options.seed,
        media=media,
        start=options.start,
        batch_tokens=options.batch_tokens,
        drills=options.drills,
        mixture=Mixture(
            drills=options.drills,
            imagined=options.imagined,
            invented=options.invented,
            made_up=options.made_up,
            meanings=options.meanings,
            concepts=options.concepts,
            everyday=options.everyday,
            practice=read_practice(options.practice),
        ),
        rate=options.rate,
        captions=options.captions,
        glimpses=options.glimpses,
        pictures=options.pictures,
        signs=options.signs,
        hold=options.hold,
        anew=_parts_of(options.anew),
        frozen=_parts_of(options.frozen),
        rows=options.rows,
        workers=options.workers,
        log=_say,
    )


def _parts_of(said: str) -> tuple[str, ...]:
    """Names of the model's parts.

    Raises:
        UsageError: there is no such part.
    """
    parts = tuple(filter(None, said.split(",")))
    unknown = set(parts) - {"encoder", "projector", "decoder"}
    if unknown:
        raise UsageError("no such part", got=", ".join(sorted(unknown)), expected="encoder, projector, decoder")
    return parts


def _tell(line: str) -> None:
    """What went wrong, on stderr, from the first process."""
    if rank() == 0:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 (a module form speaks)


def _say(line: str) -> None:
    """A line on stderr with the time of day, from the first process."""
    if rank() > 0:
        return
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)  # noqa: T201 (progress of a module form)
