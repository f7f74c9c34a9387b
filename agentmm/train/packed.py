"""Trace rows in one small file, for a machine that trains but has no trace store: GPU boxes are often bare.

    python -m agentmm.train.packed --store runs/gold.db --home runs/home --tokenizer agentmm/weights/nano --out gold.npz

A picture of the practice world goes as its recipe, where drawing it again gives the same square; any other goes whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import AgentmmError, TrainError, UsageError
from agentmm.model.pixels import square_pixels
from agentmm.planner.render import Renderer
from agentmm.train.rows import TraceRows
from agentmm.train.rowset import PixelFile, Row, RowSet
from agentmm.world.sources import Medium

_ARRAYS = ("ids", "mask", "ends", "images", "image_ends", "family", "whole")
_FACTS = ("tokenizer", "respells", "size", "image_tokens", "families", "drawn", "of")
"""What a packed file holds: arrays, and facts as JSON."""

_EXPECTED, _MEND = "a file that packing wrote", "python -m agentmm.train.packed --help"
_QUARTERS = (0, 90, 180, 270)
_DRAWN_TOGETHER = 32


class PackedRows:
    """Rows, families and pictures of a packed file; what `TraceRows` is over a store.

    Args:
        path: the file.
        folder: for the pictures' squares.
        renderer: its tokenizer must be the one that the rows were rendered with.
        workers: processes that draw.
        size: side of the squares that the model sees, px.
        own: (this process's number, how many processes): every process takes its share of the rows.

    Raises:
        TrainError: the file cannot be read, or is of another tokenizer or for another model.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        renderer: Renderer,
        workers: int = 1,
        *,
        size: int = 128,
        own: tuple[int, int] = (0, 1),
    ) -> None:
        facts, arrays = _read(path)
        if facts["tokenizer"] != tokenizer_digest(renderer):
            raise TrainError("the rows are of another tokenizer", got=str(path), mend="pack them with --tokenizer")
        if facts["respells"] != renderer.respells:
            raise TrainError(
                "the rows show names in another spelling", got=f"respells: {facts['respells']}",
                expected=f"respells: {renderer.respells}",
                mend=f"pack them with --{'' if renderer.respells else 'no-'}respells",
            )  # fmt: skip
        if (facts["size"], facts["image_tokens"]) != (size, renderer.image_tokens):
            raise TrainError(
                "the rows are for another model",
                got=f"pictures of {facts['size']} px in {facts['image_tokens']} tokens",
                expected=f"{size} px in {renderer.image_tokens}",
                mend="pack them with --size and --image-tokens",
            )
        self.facts: dict[str, Any] = facts["of"]
        share = slice(own[0], None, own[1])
        self.families = [facts["families"][number] for number in arrays["family"]][share]
        squares = PixelFile(folder / "squares.u8", facts["size"])
        for key, square in _drawn(facts["drawn"], facts["size"], workers):
            squares.add(key, square)
        for number, square in enumerate(arrays["whole"]):
            squares.add(f"whole_{number}", square)
        self.squares, self.skipped, self._told = squares, 0, False
        names = ("ids", "mask", "ends", "images", "image_ends")
        self.rows: list[Row] = list(RowSet(**{name: arrays[name] for name in names}, pixels=squares.array()))[share]

    def refresh(self) -> bool:
        """Say, the first time, that there are rows; no more ever come."""
        self._told, before = True, self._told
        return not before

    def rowset(self) -> RowSet:
        """All rows."""
        return RowSet.of(self.rows, self.squares.array(), self.squares.size)


def pack(traces: TraceRows, path: Path) -> dict[str, Any]:
    """Write the rows of a store; says how many went, and how many pictures as a recipe and whole.

    Raises:
        TrainError: there is no row.
    """
    rows = traces.rowset()
    drawn: dict[str, Medium] = {}
    places: dict[str, int] = {}
    whole: list[NDArray[np.uint8]] = []
    number_of: dict[int, tuple[bool, int]] = {}
    for sha, number in traces.squares.keys.items():
        square = rows.pixels[[number]][0]
        recipe = _again(traces.recipes.get(sha), square, traces.squares.size)
        if recipe is None:
            number_of[number] = (True, len(whole))
            whole.append(square)
        else:
            drawn.setdefault(recipe.key, recipe)
            number_of[number] = (False, places.setdefault(recipe.key, len(places)))
    images = [number_of[int(i)] for i in rows.images]
    names = sorted(set(traces.families))
    facts = {
        "tokenizer": tokenizer_digest(traces.renderer), "image_tokens": traces.renderer.image_tokens,
        "respells": traces.renderer.respells, "size": traces.squares.size, "families": names,
        "drawn": [asdict(recipe) for recipe in drawn.values()],
        "of": {"traces": len(rows), "sha256": rows.digest, "images": len(number_of)},
    }  # fmt: skip
    side = traces.squares.size
    arrays = {
        "ids": rows.ids.astype(np.int32), "mask": rows.mask, "ends": rows.ends, "image_ends": rows.image_ends,
        "images": np.asarray([index + len(drawn) * is_whole for is_whole, index in images], np.int64),
        "family": np.asarray([names.index(family) for family in traces.families], np.int32),
        "whole": np.stack(whole) if whole else np.zeros((0, side, side, 3), np.uint8),
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
    }  # fmt: skip
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(partial, path)
    told = {"rows": len(rows), "left_out": traces.skipped, "drawn": len(drawn), "whole": len(whole)}
    return told | {"bytes": path.stat().st_size}


def tokenizer_digest(renderer: Renderer) -> str:
    """SHA-256 over the text of every token."""
    told = "\n".join(renderer.decode([token]) for token in range(renderer.vocabulary))
    return hashlib.sha256(told.encode()).hexdigest()


def check_packed(path: Path) -> None:
    """Refuse a file that holds no packed rows, before anything is made for them.

    Raises:
        UsageError: it is not there, torn or something else.
    """
    try:
        _read(path)
    except TrainError as error:
        raise UsageError(str(error)) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*_ARRAYS, "facts")}
        facts = json.loads(arrays.pop("facts").tobytes())
        return {name: facts[name] for name in _FACTS}, arrays
    except OSError as error:
        raise TrainError(
            f"the packed rows cannot be read: {error.strerror or 'torn'}", got=str(path), mend=_MEND
        ) from error
    except (ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError, BadZipFile, zlib.error) as error:
        # numpy's own words are not passed on: they advise to load what may run code
        raise TrainError("the packed rows cannot be read", got=str(path), expected=_EXPECTED, mend=_MEND) from error


def _again(recipe: Medium | None, square: NDArray[np.uint8], size: int) -> Medium | None:
    """The recipe, turned as it must be, if drawing it gives the square."""
    for turned in _QUARTERS if recipe else ():
        medium = Medium("image", recipe.recipe, recipe.seed, recipe.blur_px, turned)  # type: ignore[union-attr]
        if np.array_equal(square_pixels(medium.pixels, size), square):
            return medium
    return None


def _drawn(recipes: Sequence[dict[str, Any]], size: int, workers: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Every recipe's key and square, in order."""
    parts = [recipes[i : i + _DRAWN_TOGETHER] for i in range(0, len(recipes), _DRAWN_TOGETHER)]
    if workers <= 1:
        squares = map(_draw, parts, [size] * len(parts))
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            squares = pool.starmap(_draw, [(part, size) for part in parts], chunksize=1)
    for part, made in zip(parts, squares, strict=True):
        yield from ((Medium(**recipe).key, square) for recipe, square in zip(part, made, strict=True))


def _draw(recipes: Sequence[dict[str, Any]], size: int) -> NDArray[np.uint8]:
    return np.stack([square_pixels(Medium(**recipe).pixels, size) for recipe in recipes])


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, pack, say what was written; returns the exit code."""
    import tempfile

    from agentmm.media import MediaStore, default_home
    from agentmm.trace import TraceStore
    from agentmm.train.imagined_rows import UNTHOUGHT

    parser = argparse.ArgumentParser(
        prog="python -m agentmm.train.packed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", required=True, help="trace store, file or URL")
    parser.add_argument("--home", type=Path, help="folder that has the traces' media/; the user's own by default")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with the tokenizer to be trained")
    parser.add_argument(
        "--respells", action=argparse.BooleanOptionalAction, default=True,
        help="names as questions spell them, as nano reads them (on by default)",
    )  # fmt: skip
    parser.add_argument("--image-tokens", type=int, default=16, help="tokens that one image takes")
    parser.add_argument("--size", type=int, default=128, help="side of the squares, px")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        _check(options)
        renderer = Renderer.from_pretrained(options.tokenizer, options.image_tokens, options.respells)
        media = MediaStore((options.home or default_home()) / "media")
        with tempfile.TemporaryDirectory(prefix="agentmm-pack-") as folder:
            traces = TraceRows(
                TraceStore(options.store), media, renderer, Path(folder), size=options.size, unthought=UNTHOUGHT
            )
            traces.refresh()
            if not traces.rows:
                raise TrainError(
                    "there is nothing to pack", got=f"0 rows, {traces.skipped} left out",
                    expected="gold traces with their pictures", mend="--home FOLDER, the one that has media/",
                )  # fmt: skip
            told = pack(traces, options.out)
    except AgentmmError as error:
        print(f"agentmm: {error}", file=sys.stderr)  # noqa: T201  # a command speaks
        return error.exit_code
    print(f"{json.dumps(told)} -> {options.out}")  # noqa: T201  # what the command came to
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be before anything is read.

    Raises:
        UsageError: a file or folder is not there, or a number is not positive.
    """
    for path in (options.tokenizer / "tokenizer.json", options.out.absolute().parent):
        if not path.exists():
            raise UsageError("no such file or folder", got=str(path))
    if "://" not in options.store and not Path(options.store).is_file():
        raise UsageError("no trace store there", got=options.store, mend="agentmm traces collect --store FILE")
    if options.size < 1 or options.image_tokens < 1:
        raise UsageError("--size and --image-tokens must be positive", got=(options.size, options.image_tokens))


if __name__ == "__main__":
    sys.exit(main())
