"""Samples made by workers on a Ray cluster; this process alone writes the trace store and the media."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentmm.collect.processes import Progress
from agentmm.collect.sampled import sampler, sampling
from agentmm.errors import PlannerError, TraceError, UsageError
from agentmm.media import MediaStore, default_home
from agentmm.nodes.plan import planner_name
from agentmm.nodes.running import store_at
from agentmm.planner.loading import check_name
from agentmm.registry import load_tools
from agentmm.scale import Fleet, Lost, Parcel, Task
from agentmm.scale.homes import MOST_BYTES, Homes
from agentmm.tool.cache import ResultCache
from agentmm.trace import Trace, TraceStore
from agentmm.world.sample import Question
from agentmm.world.sources import Medium

HOST = "agentmm.collect.on_ray:SamplingHost"
_MEND = "run it again to go on"


@dataclass(frozen=True)
class _Samples:
    """What makes samples in one home."""

    traces: TraceStore
    media: MediaStore
    make: Callable[[tuple[Question, int]], Trace]

    def close(self) -> None:
        self.traces.close()


class SamplingHost:
    """A worker that makes samples: planner and tools are loaded once.

    Args:
        home: folder of its media and traces. They are sent with each sample and stay until `most_bytes` of them have
            come together.
        settings: `planner`, `temperature`, `tools`, `graph`, `at_once`.
        most_bytes: see `Homes`.

    Attributes:
        facts: `planner`, `weights`.
    """

    def __init__(self, home: Path, settings: dict[str, Any], most_bytes: int = MOST_BYTES) -> None:
        planner = sampler(settings["planner"], settings["temperature"])
        known, results = load_tools(settings["tools"]), ResultCache(None)

        def begin(folder: Path) -> _Samples:
            traces = TraceStore(folder / "traces.db")
            make = sampling(
                traces, lambda: results.wrap(known), planner, score=None, at_once=settings["at_once"], home=folder,
                graph=settings["graph"],
            )  # fmt: skip
            return _Samples(traces, store_at(str(folder / "media")), make)

        self._homes = Homes(home, begin, most_bytes)
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
        with self._homes.task() as home:
            samples = home.works
            trace = samples.make((question_of(told["question"]), told["seed"]))
            parcel = Parcel.of({}, trace.id, samples.traces, samples.media)
            home.media_bytes += sum(map(len, parcel.files.values()))
        return parcel

    def close(self) -> None:
        """Close the store."""
        self._homes.close()


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
        UnknownPlanner: the planner's name is none.
        PlannerError: the planner cannot be loaded, or a run could not be made.
        TraceError: workers died over a question.
    """
    names = (job["planner"], job["graph"], *job["tools"])
    foreign = [name for name in names if not isinstance(name, str)] + [job["score"]] * (job["score"] is not None)
    if foreign:
        raise UsageError("workers on Ray load planner, tools and graph by name", got=foreign[0], expected="a name")
    check_name(job["planner"])
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
