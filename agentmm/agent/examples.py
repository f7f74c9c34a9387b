"""Demonstrations for a question: finished runs of a trace store, as the messages a planner is shown before it.

The most similar runs by the words of the question and the look of its pictures, within a token budget; never a run
over a medium of the question itself, nor, where it has none, of the same words.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agentmm.agent.demonstration import Candidate, Messages, TokensOf, before, fitting, words
from agentmm.errors import MediaError, UsageError
from agentmm.media import Image, MediaStore, Record
from agentmm.trace import Trace, TraceStore

_WORD = re.compile(r"\w+")
_LOOKED_AT, _SIDE, _SIGHT_WEIGHT = 16, 8, 0.5
_WRONG = ("wrong", "bad")


class Examples:
    """Finds demonstrations in a trace store.

    Args:
        traces: store of finished runs: a `TraceStore`, its file, or a home folder with `traces.db`.
        media: the agent's media store; pictures of other homes are copied into it.
        tools: names of the tools that the planner is shown; runs that called others are no demonstrations.
        k: most demonstrations of a question.
        max_tokens: most tokens that they take together.
        tokens_of: tokens of some messages, by the planner's own tokenizer where it has one.

    Raises:
        UsageError: there is no such store, or `k` or `max_tokens` is negative.
    """

    def __init__(
        self,
        traces: TraceStore | Path | str,
        media: MediaStore,
        tools: Sequence[str],
        *,
        k: int = 2,
        max_tokens: int = 1024,
        tokens_of: TokensOf | None = None,
    ) -> None:
        if k < 0 or max_tokens < 0:
            raise UsageError("demonstrations cannot be fewer than none", got=min(k, max_tokens), expected="k >= 0")
        self.traces = _opened(traces)
        self.media, self.tools, self.k, self.max_tokens = media, frozenset(tools), k, max_tokens
        self.tokens_of = tokens_of or words
        self._theirs = _media_beside(self.traces)
        self._questions: list[tuple[str, str]] = []
        self._holding: dict[str, list[int]] = defaultdict(list)
        self._looks: dict[str, NDArray[np.float32] | None] = {}
        self._known: set[str] = set()

    def nearest(self, question: str, media: Mapping[str, Record]) -> Messages:
        """Messages of the demonstrations for a question, the most similar one last; empty where there are none.

        Args:
            question: in words.
            media: handle to record of what comes with it.
        """
        return before([candidate.messages for candidate in self.chosen(self.candidates(question, media))])

    def candidates(self, question: str, media: Mapping[str, Record]) -> list[Candidate]:
        """Runs that may be shown before a question, the most similar first, whether or not they fit.

        Args:
            question: in words.
            media: handle to record of what comes with it.
        """
        self._refresh()
        return [Candidate.of(trace) for trace in self._ranked(question, media)]

    def chosen(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Those of some candidates, the most similar first, that are shown; their media are in the agent's store."""
        told = (candidate.messages for candidate in found)
        chosen = fitting(told, self.k, self.max_tokens, self.tokens_of, lambda index: self.brought(found[index]))
        return [found[index] for index in chosen]

    def there(self, candidate: Candidate) -> bool:
        """Whether all that a run shows is in the agent's store, or where it can be brought from."""
        return all(sha in self.media or (self._theirs is not None and sha in self._theirs) for sha in candidate.media)

    def brought(self, candidate: Candidate) -> bool:
        """Copy what a run shows into the agent's store; say whether all of it is there."""
        try:
            for sha in candidate.media:
                self.media.take_over(sha, self._theirs or self.media)
        except MediaError:
            return False
        return True

    def _refresh(self) -> None:
        """Index the questions that have come since."""
        if self.k == 0:
            return
        judged = self.traces.labelled("outcome")
        for row in self.traces.summaries(limit=None, newest_first=False, status="answered"):
            if row["id"] in self._known or judged.get(row["id"]) in _WRONG:
                continue
            self._known.add(row["id"])
            for word in _words_of(row["question"]):
                self._holding[word].append(len(self._questions))
            self._questions.append((row["id"], row["question"]))

    def _ranked(self, question: str, media: Mapping[str, Record]) -> Iterator[Trace]:
        """Runs that may demonstrate, the most similar first."""
        asked = {str(record.get("sha")) for record in media.values()}
        kinds = Counter(str(record.get("kind")) for record in media.values())
        found = []
        for score, trace in self._worded_alike(question):
            shas = {str(record.get("sha")) for record in trace.media.values()}
            same = bool(shas & asked) or (not asked and _plain(trace.question) == _plain(question))
            if same or not self._usable(trace):
                continue
            given = Counter(str(trace.media[handle].get("kind")) for handle in _given(trace))
            score += _SIGHT_WEIGHT * self._seen_alike(media, trace) + (0.25 if given == kinds else 0.0)
            found.append((score, trace))
            if len(found) == _LOOKED_AT:
                break
        yield from (trace for _, trace in sorted(found, key=lambda pair: -pair[0]))

    def _worded_alike(self, question: str) -> Iterator[tuple[float, Trace]]:
        """All runs that share a word with the question, by the weight of what they share; rare words weigh more."""
        words, total = _words_of(question), len(self._questions) + 1
        weights = {word: math.log(total / (1 + len(self._holding.get(word, ())))) + 0.1 for word in words}
        scores: dict[int, float] = defaultdict(float)
        for word, weight in weights.items():
            for index in self._holding.get(word, ()):
                scores[index] += weight * weight
        own = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for index, score in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])):
            trace_id, text = self._questions[index]
            theirs = (math.log(total / (1 + len(self._holding[word]))) + 0.1 for word in _words_of(text))
            length = math.sqrt(sum(weight * weight for weight in theirs)) or 1.0
            yield score / (own * length), self.traces.get(trace_id)

    def _usable(self, trace: Trace) -> bool:
        """Whether a run shows a way that is open: it ended well, without failed calls, by tools that are there."""
        called = {call.tool for step in trace.steps for call in step.plan.calls}
        failed = any(result.error for result in trace.calls)
        return bool(trace.steps and trace.answer) and not failed and called <= self.tools and not trace.examples

    def _seen_alike(self, media: Mapping[str, Record], trace: Trace) -> float:
        """How alike the first pictures look, 0 to 1; 0 where one side has none."""
        own = next((str(r["sha"]) for r in media.values() if r.get("kind") == "image"), None)
        given = (trace.media[handle] for handle in _given(trace))
        other = next((str(r["sha"]) for r in given if r.get("kind") == "image"), None)
        if own is None or other is None:
            return 0.0
        looks = self._look(own, self.media), self._look(other, self._theirs or self.media)
        return 0.0 if looks[0] is None or looks[1] is None else max(0.0, float(looks[0] @ looks[1]))

    def _look(self, sha: str, store: MediaStore) -> NDArray[np.float32] | None:
        """A small picture as a vector of length 1; None where it is gone."""
        if sha not in self._looks:
            self._looks[sha] = _thumbnail(sha, store)
        return self._looks[sha]


def _opened(traces: TraceStore | Path | str) -> TraceStore:
    """The store; a folder is a home."""
    if isinstance(traces, TraceStore):
        return traces
    if "://" in str(traces):
        return TraceStore(str(traces))
    path = Path(traces)
    path = path / "traces.db" if path.is_dir() else path
    if not path.is_file():
        raise UsageError("there is no trace store", got=str(path), expected="a home folder or a file of traces")
    return TraceStore(path)


def _media_beside(traces: TraceStore) -> MediaStore | None:
    """The media store of the home that a trace store lies in."""
    folder = traces.path.parent / "media" if traces.path is not None else None
    return MediaStore(folder) if folder is not None and folder.is_dir() else None


def _given(trace: Trace) -> list[str]:
    """Handles of the media that came with the question."""
    made = {handle for result in trace.calls for handle in result.media}
    return [handle for handle in trace.media if handle not in made]


def _thumbnail(sha: str, store: MediaStore) -> NDArray[np.float32] | None:
    try:
        picture = store.get(sha)
    except MediaError:
        return None
    if not isinstance(picture, Image):
        return None
    small = np.asarray(picture.to_pil().convert("RGB").resize((_SIDE, _SIDE)), np.float32).ravel()
    small -= small.mean()
    return small / (float(np.linalg.norm(small)) or 1.0)


def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
