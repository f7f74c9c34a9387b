"""Pairs as rows: token ids, masks and image hashes for training here; messages for trainers that render themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agentmm.errors import TraceError
from agentmm.preference.pair import PreferencePair
from agentmm.preference.stream import continuation, prefix
from agentmm.trace import Trace, TraceStore
from agentmm.trace.export import write_jsonl
from agentmm.trace.messages import assistant_message, step_messages, to_messages

Row = dict[str, Any]


def to_row(pair: PreferencePair, traces: TraceStore) -> Row:
    """One row of token ids, as `agentmm.train.dpo` reads it.

    Returns:
        `prompt_ids`, `prompt_images`, and for each of `chosen` and `rejected`: `_ids`, `_mask` (1 where the planner
        wrote), `_forced` (1 where it had no choice), `_images` (hashes in reading order).

    Raises:
        TraceError: a trace is gone, or the prefixes differ.
    """
    chosen, rejected = traces.get(pair.chosen.trace), traces.get(pair.rejected.trace)
    shared = prefix(chosen, pair.chosen.step)
    if shared.ids != prefix(rejected, pair.rejected.step).ids:
        raise TraceError("the sides of a pair have different prefixes", got=pair.id, expected="equal token ids")
    row: Row = {"id": pair.id, "question": pair.question, "weights": chosen.planner.weights}
    row |= {"prompt_ids": shared.ids, "prompt_images": shared.images}
    for name, trace, side in (("chosen", chosen, pair.chosen), ("rejected", rejected, pair.rejected)):
        tokens = continuation(trace, side.step)
        row |= {f"{name}_ids": tokens.ids, f"{name}_mask": tokens.wrote, f"{name}_forced": tokens.forced}
        row |= {f"{name}_images": tokens.images, f"{name}_trace": trace.id}
    return row


def to_conversations(pair: PreferencePair, traces: TraceStore) -> Row:
    """One row of messages, `prompt`, `chosen`, `rejected` and `images`, as TRL's preference trainers read it."""
    chosen, rejected = traces.get(pair.chosen.trace), traces.get(pair.rejected.trace)
    step = pair.chosen.step
    row: Row = {"id": pair.id, "prompt": to_messages(chosen, step)}
    row |= {"chosen": _rest(chosen, step), "rejected": _rest(rejected, step)}
    return row | {"images": prefix(chosen, step).images}


def write_rows(pairs: Iterable[PreferencePair], traces: TraceStore, path: Path | str, *, messages: bool = False) -> int:
    """Write one row a line (JSONL); give how many."""
    make = to_conversations if messages else to_row
    return write_jsonl((make(pair, traces) for pair in pairs), path)


def read_rows(path: Path | str) -> Iterator[Row]:
    """The rows of a JSONL file."""
    with Path(path).open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def _rest(trace: Trace, step: int) -> list[Row]:
    messages = [message for later in trace.steps[step:] for message in step_messages(trace, later)]
    return messages or [assistant_message(trace.steps[-1].plan)]
