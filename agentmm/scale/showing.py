"""Demonstrations of questions that workers answer: found here, where the store is, and sent as text and media.

Which of them fit before a question is counted in tokens of the planner. One without a tokenizer of ours is counted here
as `Agent` counts it; for the others a worker is told the runs' conversations and says which fit, before it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentmm.agent.demonstration import Candidate, Messages, before
from agentmm.agent.examples import Examples
from agentmm.media import MediaStore, Record
from agentmm.scale.fleet import Task
from agentmm.scale.parcel import Parcel
from agentmm.trace import TraceStore


class Showing:
    """Puts demonstrations before the questions of a fleet.

    Args:
        traces: where finished runs lie (see `Examples`).
        media: the media store of the fleet.
        k: most demonstrations of a question.
        max_tokens: most tokens that they take together.

    Attributes:
        room: what a worker must know of it, JSON.

    Raises:
        UsageError: there is no such store, or `k` or `max_tokens` is negative.
    """

    def __init__(self, traces: TraceStore | Path | str, media: MediaStore, k: int, max_tokens: int) -> None:
        self._examples = Examples(traces, media, (), k=k, max_tokens=max_tokens)
        self._workers_count = False
        self.room = {"k": int(k), "max_tokens": int(max_tokens)}

    def meet(self, facts: Mapping[str, Any]) -> None:
        """Learn from a worker's facts which tools the planner is shown, and who counts tokens."""
        self._examples.tools, self._workers_count = frozenset(facts["tools"]), facts["counts"]

    def with_examples(self, task: Task, records: Mapping[str, Record]) -> Task:
        """The task of a question with its demonstrations; where a worker counts, the task before it.

        Args:
            task: told `question`, among others.
            records: of the question's media, by handle.
        """
        found = self._examples.candidates(task.told["question"], records)
        if not self._workers_count:
            return _given(task, self._examples.chosen(found))
        there = [candidate for candidate in found if self._examples.there(candidate)]
        if not there:
            return task
        told = {**task.told, "candidates": [candidate.messages for candidate in there]}
        return Task(task.key, told, then=lambda parcel: self._chosen(task, there, parcel))

    def _chosen(self, task: Task, there: Sequence[Candidate], parcel: Parcel) -> Task | None:
        """The task with what a worker has chosen; None where it could not."""
        if "chosen" not in parcel.told:
            return None
        chosen = [there[index] for index in parcel.told["chosen"]]
        return _given(task, [candidate for candidate in chosen if self._examples.brought(candidate)])


def _given(task: Task, shown: Sequence[Candidate]) -> Task:
    """The task with demonstrations, the most similar first, and their media."""
    media = dict.fromkeys((*task.media, *(sha for candidate in shown for sha in candidate.media)))
    messages: Messages = before([candidate.messages for candidate in shown])
    return replace(task, told={**task.told, "examples": messages}, media=tuple(media))
