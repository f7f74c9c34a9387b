"""The hash of a trace: what was asked, planned, called, observed and answered, and nothing of when or where."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from agentmm.trace.schema import ResultRecord, StepRecord, Trace

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
_PLACE_AND_COST = ("path", "store", "device", "cost", "url", "home", "workers", "thread", "run_id")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and no escapes: equal values give equal text."""
    return _JSON.encode(value)


def trace_hash(trace: Trace) -> str:
    """SHA-256 (hex) of a trace's content.

    In: graph, tools with versions, settings, seed, demonstrations, question, media, per step rendered ids, calls,
    observations and media hashes, answer. Out: times, run and call ids, paths, cost, device, labels, log-probabilities.
    """
    return hashes_of(trace)[0]


def chain_of(trace: Trace) -> list[str]:
    """Hashes of a trace's parts, so that a difference can be found: what was asked, each step, the answer.

    Returns:
        `2 + steps` hashes (hex, 16 digits).
    """
    return hashes_of(trace)[1]


def hashes_of(trace: Trace) -> tuple[str, list[str]]:
    """`trace_hash` and `chain_of` from one pass: the text of the whole is joined from the texts of its parts."""
    header = {name: canonical_json(value) for name, value in _header(trace).items()}
    steps = [canonical_json(_step(step, trace)) for step in trace.steps]
    answer = canonical_json(trace.answer)
    whole = _joined({**header, "steps": f"[{','.join(steps)}]", "answer": answer})
    return _sha(whole), [_sha(text)[:16] for text in (_joined(header), *steps, answer)]


def _joined(members: dict[str, str]) -> str:
    """The canonical JSON of an object whose members are canonical JSON already; names are plain words."""
    return "{" + ",".join(f'"{name}":{members[name]}' for name in sorted(members)) + "}"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _header(trace: Trace) -> dict[str, Any]:
    """What a run began with."""
    made = {handle for result in trace.calls for handle in result.media}
    given = {handle: record.get("sha") for handle, record in trace.media.items() if handle not in made}
    shown = {"examples": trace.examples} if trace.examples else {}
    return {
        **shown,
        "graph": trace.graph,
        "tools": [[tool.name, tool.version] for tool in trace.tools],
        "settings": {key: value for key, value in trace.settings.items() if not _placed(key)},
        "seed": trace.seed,
        "question": trace.question,
        "media": {handle: sha for handle, sha in given.items() if sha},
    }


def _placed(key: str) -> bool:
    """Whether a setting tells of a place or a cost rather than of the run."""
    return any(key == word or key.endswith(f"_{word}") for word in _PLACE_AND_COST)


def _step(step: StepRecord, trace: Trace) -> dict[str, Any]:
    plan = step.plan
    return {
        "ids": [plan.prompt_ids, plan.completion_ids],
        "text": plan.text,
        "media": plan.media,
        "calls": [[call.tool, call.arguments] for call in plan.calls],
        "results": [_result(result, trace) for result in step.results],
    }


def _result(result: ResultRecord, trace: Trace) -> list[Any]:
    return [result.tool, result.arguments, result.observation, [trace.sha_of(handle) for handle in result.media]]
