"""The command line of `agentmm.train.dpo`: rows and weights in, weights and a report out."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from agentmm.errors import AgentmmError, TrainError
from agentmm.model.identity import weights_id
from agentmm.train.dpo import Recipe, report, train_dpo
from agentmm.train.manifest import write_manifest
from agentmm.train.outset import check_device, check_folder
from agentmm.train.pair_file import read_pairs
from agentmm.train.pairs import LoadImage

NANO = Path(__file__).parent.parent / "weights" / "nano"
_KEPT = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "processor_config.json",
         "preprocessor_config.json", "chat_template.jinja", "generation_config.json")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, train, save; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        run(
            options.pairs,
            options.model,
            options.out,
            options.media,
            recipe_of(options),
            store=options.store,
            device=options.device,
        )
    except AgentmmError as error:
        print(f"agentmm: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("agentmm: interrupted; nothing was written", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def run(
    pairs: Path | str,
    model: Path | str,
    out: Path | str,
    media: Path | str | None = None,
    recipe: Recipe = Recipe(),  # noqa: B008 - frozen
    *,
    store: Path | str | None = None,
    device: str | None = None,
    control: bool = False,
    reference: Path | None = None,
) -> dict[str, Any]:
    """Train saved weights on a file of pairs and save them elsewhere.

    Args:
        pairs: JSONL of rows (`agentmm.preference.write_rows`), or of pairs that point into `store`.
        model: folder of a saved `MultimodalLM`.
        out: folder for the trained one, with `dpo.json` beside it.
        media: folder of the media store that holds the pairs' images.
        recipe: how.
        store: the trace store that pairs point into; rows need none.
        device: torch device; a GPU where there is one.
        control: take the rejected sides for the chosen ones, which must make the planner worse.
        reference: file of the reference's log-probs, which trainings on the same pairs may share; in `out` if None.

    Returns:
        The report.

    Raises:
        UsageError: there is no such file of pairs, a line of it is none, or the device or `out` will not do.
        TrainError: weights are missing, or the pairs were sampled from other weights.
        PlannerError: the weights cannot be read, or lack a tensor.
    """
    import torch
    from transformers.utils.logging import disable_progress_bar

    from agentmm.planner.own import own_model

    where = check_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    rows, folder = read_pairs(Path(pairs), store), Path(model)
    if not (folder / "config.json").is_file():
        raise TrainError("no planner weights there", got=str(folder), mend="agentmm train nano")
    rows = [swapped(row) for row in rows] if control else rows
    _check_weights(rows, folder)
    out = check_folder(Path(out))
    disable_progress_bar()
    net: Any = own_model(folder)
    net.to(where)
    cache = reference or out / "reference.safetensors"
    history = train_dpo(rows, net, loader(media), recipe, cache=cache, log=_say)
    told = report(history, recipe) | _shift(rows, net, folder, loader(media), cache, recipe.precision)
    net.half().save_pretrained(out)
    for name in _KEPT:
        if (folder / name).is_file():
            shutil.copy2(folder / name, out / name)
    (out / "dpo.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    note_in_manifest(out, folder, rows, told)
    return told


def note_in_manifest(out: Path, folder: Path, rows: Sequence[dict[str, Any]], told: dict[str, Any]) -> None:
    """Write the manifest of trained weights: that of the weights before, with this training; nothing if they have none.

    Args:
        out: the trained weights.
        folder: the weights before.
        rows: what was learnt from.
        told: the report of the training.
    """
    if not (folder / "manifest.json").is_file():
        return
    facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    stages = facts.setdefault("recipe", {}).setdefault("stages", {})
    data, metrics = (facts.setdefault(part, {}) for part in ("data", "metrics"))
    for noted in (stages, data, metrics):  # what an earlier round noted is kept under a number
        if "dpo" in noted:
            noted[f"dpo_{1 + sum(name.startswith('dpo_') for name in noted)}"] = noted.pop("dpo")
    recipe = told["recipe"]
    tokens = sum(len(row[key]) for row in rows for key in row if key.endswith("_ids")) * recipe["epochs"]
    stages["dpo"] = {**recipe, "pairs": told["pairs"], "tokens": tokens, "seconds": round(told["seconds"])}
    digest = hashlib.sha256(json.dumps(list(rows), sort_keys=True).encode()).hexdigest()
    data["dpo"] = {"pairs": told["pairs"], "sha256": digest}
    metrics["dpo"] = {key: told[key] for key in ("margin_grew", "kl") if key in told}
    write_manifest(out, {key: value for key, value in facts.items() if key not in ("versions", "files")})


def _shift(rows: Any, net: Any, folder: Path, load: Any, cache: Path, precision: str) -> dict[str, float]:
    """How far the trained model has moved from the one in `folder`."""
    from agentmm.planner.own import own_model
    from agentmm.train.reference import reference_logps
    from agentmm.train.shift import shift

    before: Any = own_model(folder)
    before.to(net.device)
    known = reference_logps(rows, before, load, cache, precision=precision)
    return shift(rows, net, before, known, load, precision=precision)


def loader(media: Path | str | None) -> LoadImage | None:
    """Loads images by hash out of a media store."""
    if media is None:
        return None
    from agentmm.media import MediaStore

    store = MediaStore(media)
    return lambda sha: store.get(sha).pixels  # pyright: ignore[reportAttributeAccessIssue]


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe of parsed options."""
    values = {f.name: getattr(options, f.name) for f in fields(Recipe)}
    values["frozen"] = tuple(name for name in values["frozen"].split(",") if name)
    return Recipe(**values)


def swapped(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose sides have changed places."""
    other = {"chosen": "rejected", "rejected": "chosen"}
    sides = {key: key.partition("_") for key in row if key.startswith(("chosen_", "rejected_"))}
    return row | {f"{other[side]}_{rest}": row[key] for key, (side, _, rest) in sides.items()}


def _check_weights(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Refuse pairs of another model: their token ids and outcomes are not this one's."""
    own = weights_id(folder)
    others = sorted({row["weights"] for row in rows if row.get("weights") not in (None, own)})
    if others:
        mend = "agentmm traces collect --planner ... --samples 4, with the planner that is trained"
        raise TrainError("the pairs were sampled from other weights", got=", ".join(others), expected=own, mend=mend)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agentmm.train.dpo", description="DPO on recorded token ids")
    parser.add_argument("--pairs", required=True, help="JSONL of preference rows")
    parser.add_argument("--model", default=str(NANO), help="folder of the weights to start from")
    parser.add_argument("--out", required=True, help="folder for the trained weights")
    parser.add_argument("--media", help="folder of the media store with the pairs' images")
    parser.add_argument("--store", help="trace store that pairs point into; rows need none")
    parser.add_argument("--device")
    for item in fields(Recipe):
        if item.name == "frozen":
            parser.add_argument("--frozen", default=",".join(Recipe().frozen), help="parts not trained, by commas")
        else:
            kind = float if item.default is None else type(item.default)
            parser.add_argument(f"--{item.name.replace('_', '-')}", type=kind, default=item.default)
    return parser
