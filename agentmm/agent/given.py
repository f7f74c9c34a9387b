"""What a question is given: its words, its media; and whether a trace was asked the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from agentmm.errors import AgentmmError, MediaError, UsageError
from agentmm.media import MediaStore
from agentmm.nodes.running import numbered
from agentmm.planner.letters import storable
from agentmm.state import Settings
from agentmm.trace import Trace, TraceStore

_MEND = "another name for this batch"


def listed(media: Any) -> list[Any]:
    """The media as a list: none for None, one for a path, bytes or anything else that is no iterable of media."""
    if media is None:
        return []
    if isinstance(media, str | bytes | bytearray) or hasattr(media, "shape") or not isinstance(media, Iterable):
        return [media]
    return list(media)


def check_same(
    known: Trace,
    question: str | None,
    media: Any,
    planner: tuple[str, str | None],
    store: MediaStore,
    *,
    began: bool = True,
) -> None:
    """See that a trace of a batch answers this question of these media by this planner.

    Args:
        known: the trace.
        question: what is asked now.
        media: what comes with it.
        planner: name and weights of who would answer.
        store: where media go.
        began: whether the trace says more than that its question could not begin; if not, its media were not there.

    Raises:
        UsageError: it answers another, or another planner answered.
    """
    made = {handle for call in known.calls for handle in call.media}
    who = (known.planner.name, known.planner.weights)
    if who[0] and who != planner:
        raise UsageError(
            "a batch of that name was asked of another planner", got=_called(planner), expected=_called(who), mend=_MEND
        )
    check_words(known.question, question)
    try:
        given = _hashes(numbered(listed(media), store))
    except MediaError:  # its question fails with that reason
        return
    if began and given != _hashes(known.media, made):
        raise UsageError("a batch of that name asked this of other media", got=question, mend=_MEND)


def keep_refused(
    traces: TraceStore,
    trace: str,
    question: Any,
    line: str,
    *,
    graph: str,
    planner: tuple[str, str | None],
    settings: Settings,
) -> str | None:
    """Keep a trace of a question that could not begin, with why.

    Args:
        traces: where.
        trace: its id.
        question: what was asked.
        line: why it could not begin.
        graph: name of the graph.
        planner: name and weights of who would have answered.
        settings: of the run.

    Returns:
        The trace's id; None where nothing was asked, or nothing can be written.
    """
    if not isinstance(question, str) or not question.strip():
        return None
    told = {"name": planner[0], "weights": planner[1]}
    start = {"question": storable(question), "graph": graph, "planner": told, "seed": settings.seed}
    try:
        traces.append(trace, "start", {**start, "trace": trace, "settings": settings.model_dump()})
        traces.append(trace, "refused", {"error": line})
    except (AgentmmError, OSError):
        return None
    return trace


def could_not_begin(traces: TraceStore, trace: str) -> bool:
    """Whether a trace says no more than that its question could not begin."""
    known = traces.get(trace) if traces.has(trace) else None
    failed = known is not None and known.status == "failed" and not known.steps
    return failed and traces.events(trace)[-1]["kind"] == "refused"


def attempts(
    traces: TraceStore, trace: str, begun: Callable[[str], bool] | None = None
) -> tuple[str | None, Trace | None, str]:
    """Which attempt at a question of a batch counts: the one that has an answer, else the last.

    The attempts at `day-3` are `day-3`, `day-3_2`, `day-3_3`, ...; who went on after a failure, `Agent` under the same
    id or `RayAgent` under the next, makes no difference to who asks now.

    Args:
        traces: where they lie.
        trace: id of the first.
        begun: whether there is an attempt of an id; whether it has a trace where None.

    Returns:
        Its id, None where there is none; its trace, None where it has none; the id of a new attempt.
    """
    there, number, new = begun or traces.has, 1, trace
    last: str | None = None
    known: Trace | None = None
    while there(new):
        number += 1
        last, new = new, f"{trace}_{number}"
        known = traces.get(last) if traces.has(last) else None
        if known is not None and known.status != "failed" and known.answer is not None:
            break
    return last, known, new


def check_words(asked: str | None, question: str | None) -> None:
    """See that a batch asks in the words that it asked in.

    Raises:
        UsageError: it asks something else.
    """
    if asked != storable(str(question)):
        raise UsageError("a batch of that name asked something else", got=question, expected=repr(asked), mend=_MEND)


def _called(planner: tuple[str, str | None]) -> str:
    """A planner's name, with its weights where it has any."""
    name, weights = planner
    return f"{name} ({weights})" if weights else name


def _hashes(records: Mapping[str, Any], made: Collection[str] = ()) -> list[str]:
    """Hashes of the media that a run was given, in order of their kinds and handles."""
    return [
        f"{handle} {record['sha']}"
        for handle, record in sorted(records.items())
        if record.get("sha") and handle not in made
    ]
