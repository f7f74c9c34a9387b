"""Outcome pairs: of several runs of one question, a right one is better than a wrong one."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product

from agentmm.preference.pair import PreferencePair, Side
from agentmm.preference.stream import continuation, diverges_at, recorded
from agentmm.trace import Trace


def outcome_pairs(traces: Iterable[Trace], *, most: int = 4, label: str = "outcome") -> Iterator[PreferencePair]:
    """Pairs of a right and a wrong run that share their tokens up to a step.

    Runs count as of one question when they asked the same about the same media, with the same tools, and the same
    weights planned them: a pair teaches these what they do right themselves. Pairs whose two
    sides are token for token those of an earlier pair are left out; of the rest those with the longest shared prefix
    come first, since there the fewest steps are to blame.

    Args:
        traces: recorded with token ids and labelled `right` or `wrong`; others are passed over.
        most: at most so many pairs a question of each weights.
        label: name of the label.

    Yields:
        The pairs, question by question.
    """
    groups: dict[tuple[str, str | None], list[Trace]] = defaultdict(list)
    for trace in traces:
        if recorded(trace) and trace.labels.get(label) in ("right", "wrong"):
            groups[_group(trace), trace.planner.weights].append(trace)
    for (group, _), members in groups.items():
        right = [trace for trace in members if trace.labels[label] == "right"]
        wrong = [trace for trace in members if trace.labels[label] == "wrong"]
        found = sorted(_pairs(group, right, wrong), key=lambda pair: (-pair.chosen.step, pair.id))
        yield from found[:most]


def _pairs(group: str, right: list[Trace], wrong: list[Trace]) -> Iterator[PreferencePair]:
    """Every pair of two different continuations, each once."""
    seen: set[str] = set()
    for good, bad in product(right, wrong):
        step = diverges_at(good, bad)
        if step is None:
            continue
        sides = (continuation(good, step).ids, continuation(bad, step).ids)
        identity = hashlib.sha256(repr((group, step, sides)).encode()).hexdigest()[:16]
        if identity in seen:
            continue
        seen.add(identity)
        chosen, rejected = Side(trace=good.id, step=step), Side(trace=bad.id, step=step)
        yield PreferencePair(id=identity, question=good.question, group=group, chosen=chosen, rejected=rejected)


def _group(trace: Trace) -> str:
    """What makes two runs comparable."""
    known = trace.labels.get("question")
    if isinstance(known, dict) and known.get("id"):
        return str(known["id"])
    given = [record.get("sha") for record in trace.media.values() if record.get("sha")]
    tools = [tool.signature for tool in trace.tools]
    return hashlib.sha256(repr((trace.question, given[:8], tools)).encode()).hexdigest()[:16]
