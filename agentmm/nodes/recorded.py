"""Recorded results as journal lines: a run with such a journal gets them without making a call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentmm.errors import TraceError
from agentmm.media import Handles, MediaStore, Record, Region
from agentmm.nodes.calls import Outcome
from agentmm.nodes.frozen import freeze
from agentmm.nodes.journal import Journal
from agentmm.trace.schema import ResultRecord, Trace


def write_results(trace: Trace, steps: int | None, journal: Journal, store: MediaStore) -> None:
    """Journal the results of a trace's first steps (of all where None).

    Raises:
        MediaError: a medium that a tool made is no longer in the store.
        TraceError: an observation is not the JSON it was.
    """
    for step in trace.steps[:steps]:
        for result in step.results:
            outcome = outcome_of(result, trace, store)
            journal.write(step.index + 1, result.call, outcome.to_json())


def outcome_of(result: ResultRecord, trace: Trace, store: MediaStore) -> Outcome:
    """How a recorded call ended, its media as objects again."""
    if result.error is not None:
        crash = trace.status == "failed" and trace.error == f"{result.tool}: {result.error}"
        return Outcome(error=result.error, crash=crash, seconds=result.seconds)
    try:
        told = json.loads(result.observation)
    except ValueError as error:
        raise TraceError(f"the observation of {result.call} is no JSON", got=result.observation) from error
    value = _with_media(told, result.media, trace.media, store)
    given = tuple(str(value) for value in result.arguments.values() if value in trace.media)
    return Outcome(value=freeze(value, store), seconds=result.seconds, given=given)


def _with_media(value: Any, made: list[str], records: Mapping[str, Record], store: MediaStore) -> Any:
    """An observation with media in place of the handles that the call made."""
    if isinstance(value, dict):
        return {key: _with_media(item, made, records, store) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_media(item, made, records, store) for item in value]
    handle, _, text = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if handle not in made:
        return value
    medium = Handles(dict(records)).resolve(handle, store)
    return replace(medium, text=text) if isinstance(medium, Region) else medium
