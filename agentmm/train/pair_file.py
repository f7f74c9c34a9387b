"""A file of pairs as rows of token ids; every line is looked at before any weights load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentmm.errors import TraceError, UsageError
from agentmm.preference import PreferencePair, to_row
from agentmm.trace import TraceStore

Row = dict[str, Any]

_MEND = "agentmm traces pairs pairs.jsonl --store STORE"
_SIDES = ("chosen", "rejected")


def read_pairs(path: Path, store: Path | str | None = None) -> list[Row]:
    """The rows of a JSONL file; pairs that only point at traces are looked up in the store.

    Args:
        path: a line a row (`agentmm.preference.to_row`) or a `PreferencePair`.
        store: the trace store that pairs point into; the user's own where None.

    Raises:
        UsageError: there is no such file, it has no pair, or a line is none; the message names file and line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"cannot read the pairs: {error.strerror}", got=str(path), mend=_MEND) from error
    said = {number: _said(line, path, number) for number, line in enumerate(lines, 1) if line.strip()}
    if not said:
        raise UsageError("the file has no pairs", got=str(path), expected="a line for each", mend=_MEND)
    if all(isinstance(row, dict) for row in said.values()):
        return [row for row in said.values() if isinstance(row, dict)]
    traces = TraceStore(store)
    try:
        return [_looked_up(row, traces, path, number) for number, row in said.items()]
    finally:
        traces.close()


def _said(line: bytes, path: Path, number: int) -> Row | PreferencePair:
    """What a line is: a row, or a pair that points at traces."""
    said = _object(line, path, number)
    if "prompt_ids" in said:
        _check(said, path, number)
        return said
    try:
        return PreferencePair.model_validate(said)
    except ValidationError as error:
        what = "no pair of token ids"
        if {"prompt", *_SIDES} <= set(said):
            what += " but conversations for TRL (--messages)"
        raise _wrong(path, number, what, said) from error


def _object(line: bytes, path: Path, number: int) -> Row:
    """A line as a JSON object."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, number, "no JSON", line.decode(errors="replace")) from error
    if not isinstance(said, dict):
        raise _wrong(path, number, "no JSON object", said)
    return said


def _check(row: Row, path: Path, number: int) -> None:
    """Refuse a row whose ids, masks or pictures cannot be trained on."""
    if not _numbers(row["prompt_ids"]):
        raise _wrong(path, number, "no list of token ids in prompt_ids", row["prompt_ids"])
    for side in _SIDES:
        parts: list[Any] = [row.get(f"{side}_{part}") for part in ("ids", "mask", "forced")]
        ids, mask, forced = parts
        if not _numbers(ids):
            raise _wrong(path, number, f"no list of token ids in {side}_ids", ids)
        for name, marks in ((f"{side}_mask", mask), (f"{side}_forced", forced or [0] * len(ids))):
            if not _numbers(marks, most=1) or len(marks) != len(ids):
                raise _wrong(path, number, f"{name} is not a 0 or 1 for each of {side}_ids", marks)
    for name in ("prompt_images", "chosen_images", "rejected_images"):
        shas = row.get(name, [])
        if not isinstance(shas, list) or not all(isinstance(sha, str) for sha in shas):
            raise _wrong(path, number, f"no list of hashes in {name}", shas)


def _numbers(value: Any, most: int = 2**31 - 1) -> bool:
    """Whether it is a list of whole numbers, 0 to `most`."""
    return isinstance(value, list) and all(isinstance(one, int) and 0 <= one <= most for one in value)


def _looked_up(said: Row | PreferencePair, traces: TraceStore, path: Path, number: int) -> Row:
    """The row of a line, out of the traces where it points at them."""
    if isinstance(said, dict):
        return said
    try:
        return to_row(said, traces)
    except TraceError as error:
        raise UsageError(f"{path}, line {number}: {error}") from error
    except IndexError as error:
        raise _wrong(path, number, "its trace has no such step", said.model_dump()) from error


def _wrong(path: Path, number: int, what: str, got: Any) -> UsageError:
    return UsageError(
        f"{path}, line {number}: {what}", got=got, mend=_MEND,
        expected="a row with prompt_ids, chosen_ids, chosen_mask, rejected_ids and rejected_mask",
    )  # fmt: skip
