"""Samples made by workers on a Ray cluster; this process alone writes the trace store and the media."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentmm.collect.processes import Progress
from agentmm.collect.sampled import sampler, sampling
from agentmm.errors import PlannerError, TraceError, UsageError
from agentmm.media import default_home
from agentmm.nodes.plan import planner_name
from agentmm.nodes.running import store_at
from agentmm.registry import load_tools
from agentmm.scale import Fleet, Lost, Parcel, Task
from agentmm.tool.cache import ResultCache
from agentmm.trace import TraceStore
from agentmm.world.sample import Question
from agentmm.world.sources import Medium

HOST = "agentmm.collect.on_ray:SamplingHost"
_MEND = "run it again to go on"


class SamplingHost:
    """A worker that makes samples: planner and tools are loaded once.

    Args:
        home: folder of its media and traces, until they are sent.
        settings: `planner`, `temperature`, `tools`, `graph`, `at_once`.

    Attributes:
        facts: `planner`, `weights`.
    """

    def __init__(self, home: Path, settings: dict[str, Any]) -> None:
        planner = sampler(settings["planner"], settings["temperature"])
        known, results = load_tools(settings["tools"]), ResultCache(None)
        self.traces, self.media = TraceStore(home / "traces.db"), store_at(str(home / "media"))
        self._run = sampling(
            self.traces, lambda: results.wrap(known), planner, score=None, at_once=settings["at_once"], home=home,
            graph=settings["graph"],
        )  # fmt: skip
        self.facts: dict[str, Any] = {
            "planner": planner_name(planner),
            "weights": getattr(planner, "weights_id", None),
        }

    def run(self, told: dict[str, Any], files: Mapping[str, bytes]) -> Parcel:
        """Make a sample; its media are drawn here and sent with it.

        Args:
            told: `question` (see `question_of`) and `seed`.
            files: none.
        """
        trace = self._run((question_of(told["question"]), told["seed"]))
        return Parcel.of({}, trace.id, self.traces, self.media)

    def close(self) -> None:
        """Close the store."""
        self.traces.close()


def collect_on_ray(
    todo: Sequence[tuple[Question, int]], store: TraceStore, job: Mapping[str, Any], workers: int, *, quiet: bool
) -> int:
    """Make the samples of `todo`.

    Args:
        todo: questions and seeds.
        store: where traces go; each is there, whole, once its sample is made.
        job: `planner`, `temperature`, `tools`, `graph`, `home`, `score`, `at_once`.
        workers: how many.
        quiet: print nothing on stderr.

    Returns:
        How many were made.

    Raises:
        UsageError: the planner, a tool, the graph or the scorer is no name.
        PlannerError: the planner cannot be loaded, or a run could not be made.
        TraceError: workers died over a question.
    """
    names = (job["planner"], job["graph"], *job["tools"])
    foreign = [name for name in names if not isinstance(name, str)] + [job["score"]] * (job["score"] is not None)
    if foreign:
        raise UsageError("workers on Ray load planner, tools and graph by name", got=foreign[0], expected="a name")
    media = store_at(str((Path(job["home"]) if job["home"] is not None else default_home()) / "media"))
    settings = {key: job[key] for key in ("planner", "temperature", "tools", "graph", "at_once")}
    progress = Progress(len(todo), quiet)
    tasks = (Task(index, {"question": asdict(question), "seed": seed}) for index, (question, seed) in enumerate(todo))
    if not todo:
        return 0
    tell = _silent if quiet else _say
    with (
        Fleet(HOST, settings, media, workers=workers, at_once=job["at_once"], tell=tell) as fleet,
        closing(fleet.run(tasks)) as made,
    ):
        for task, came in made:
            if isinstance(came, Lost):
                raise TraceError(f"the sample of {todo[task.key][0].id} was not made: {came.reason}", mend=_MEND)
            if "error" in came.told:
                raise PlannerError(str(came.told["error"]))
            came.unpack(store, media)
            progress.step()
    progress.end()
    return len(todo)


def question_of(told: Mapping[str, Any]) -> Question:
    """The question that `dataclasses.asdict` made JSON of."""
    listed = {name: tuple(told[name]) for name in ("accepted", "others")}
    return Question(**{**told, **listed, "media": tuple(Medium(**medium) for medium in told["media"])})


def _say(line: str) -> None:
    print(f"collect: {line}", file=sys.stderr)  # noqa: T201  # a command speaks


def _silent(line: str) -> None:
    """Say nothing."""
