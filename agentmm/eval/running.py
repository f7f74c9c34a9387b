"""Asks questions of an agent and notes what came: the scripted planner for the oracle column, any other for its own.

Tool results are kept between columns, so that a picture meets the same expert once.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agentmm.agent import DEFAULT_TOOLS, Agent, Answer
from agentmm.errors import AgentmmError, UsageError
from agentmm.eval.renamed import HOUSES, house_of, renamed
from agentmm.eval.score import is_right
from agentmm.media import Audio, Image
from agentmm.planner import load_planner
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.registry import load_tools
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults
from agentmm.world.sample import Question, sample_questions
from agentmm.world.sources import Medium

AgentFactory = Callable[[list[Any], Path], Agent]
"""(tools, home) -> the agent to measure."""

Tick = Callable[[], None]
"""Called after each question."""

WITHOUT = {
    "sight": {"blind": True}, "tools": {}, "grammar": {"constrained": False}, "thoughts": {"think": False},
}  # fmt: skip
"""What a planner may be asked without, and the options that say so to a local one: its image tokens come from a grey
picture (tools still see), it is given no tools, its calls are not bound to their grammar, it may not think first."""

REFUSALS = {
    "a malformed call": "malformed", "no such tool": "unknown_tool",
    "names no existing media": "invalid_handle", "names media by path or URL": "invalid_handle",
}  # fmt: skip
"""What the error of a refused call says, and what kind of refusal that is; all others are `rejected_arguments`."""


@dataclass(frozen=True)
class Outcome:
    """What one question came to.

    Attributes:
        id: of the question, like `family`, `group` and `seen`.
        answer: the final text.
        status: of the answer.
        right: whether the scorer accepts it.
        calls: how many calls were made, `malformed` ones included.
        malformed: calls refused before anything ran.
        refused: how many of them, by kind: `malformed`, `unknown_tool`, `invalid_handle`, `rejected_arguments`.
        turns: how often the planner was asked, and `cut_off` how many of these the limit of tokens ended.
        last: the last observation, empty where no tool was called.
        tokens: tokens of the episode, 0 where the planner does not count them.
        trace: id of the trace.
    """

    id: str
    family: str
    group: str
    seen: bool
    answer: str
    status: str
    right: bool
    calls: int = 0
    malformed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    cut_off: int = 0
    last: str = ""
    tokens: int = 0
    trace: str = ""


@dataclass(frozen=True)
class Sample:
    """Which questions are asked; equal samples are equal questions in every process."""

    split: str = "test"
    n: int = 200
    seed: int = 0
    families: tuple[str, ...] | None = None
    wordings: Mapping[str, Sequence[str]] | None = None
    typed: bool = False
    evenly: bool = False

    def questions(self) -> Iterator[Question]:
        """The questions, in order."""
        return sample_questions(
            self.split, self.n, self.seed, families=self.families, wordings=self.wordings, typed=self.typed,
            evenness=float(self.evenly),
        )  # fmt: skip


def as_media(medium: Medium) -> Image | Audio:
    """A medium of the world as the product's own."""
    if medium.kind == "image":
        return Image(medium.pixels)
    samples, rate_hz = medium.sound
    return Audio(samples, rate_hz)


def kept_tools(cache: ResultCache, faults: Faults) -> list[Any]:
    """The default tools, with results kept in a cache, failing where a question says so."""
    return faults.wrap(cache.wrap(load_tools(DEFAULT_TOOLS)))


def outcome_of(question: Question, answer: Answer) -> Outcome:
    """Score an answer."""
    refused = [step for step in answer.steps if step["error"] and not step["seconds"]]
    return Outcome(
        id=question.id, family=question.family, group=question.group, seen=question.seen, answer=answer.text,
        status=answer.status, right=is_right(answer.text, question.accepted, question.kind, question.others),
        calls=len(answer.steps), malformed=len(refused),
        refused=dict(Counter(_refusal(step["error"]) for step in refused)),
        turns=int(answer.counters.get("steps", 0)), cut_off=int(answer.counters.get("cut_off", 0)),
        last=answer.steps[-1]["observation"] if answer.steps else "",
        tokens=int(answer.counters.get("tokens", 0)), trace=answer.trace_id,
    )  # fmt: skip


def _refusal(error: str) -> str:
    return next((kind for words, kind in REFUSALS.items() if words in error), "rejected_arguments")


def ask_all(
    agent: Agent, questions: Iterable[Question], faults: Faults, others: Sequence[Agent] = ()
) -> Iterator[Outcome]:
    """Ask each question of an agent, or, where its tools are `renamed`, of the agent of its house (`house_of`).

    A scripted planner gets each question's gold program, and its tools under their own names.
    """
    for question in questions:
        faults.plan(question.fault, salt=sum(map(ord, question.id)))
        if isinstance(agent.planner, ScriptedPlanner):
            agent.planner.program = question.program
        asked = others[house_of(question.id)] if others and question.renamed else agent
        yield outcome_of(question, asked.ask(question.text, media=[as_media(medium) for medium in question.media]))


def write_outcomes(outcomes: Iterable[Outcome], path: Path) -> None:
    """What each question came to, a JSON line each; `agentmm.eval.compare` reads two such files."""
    lines = (json.dumps(asdict(outcome), ensure_ascii=False) for outcome in outcomes)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def run_column(
    planner: str | AgentFactory,
    sample: Sample,
    *,
    workers: int = 1,
    cache: Path | None = None,
    home: Path | None = None,
    tick: Tick | None = None,
    without: Sequence[str] = (),
) -> list[Outcome]:
    """Ask a sample of a planner, in the order of the sample.

    Args:
        planner: a planner's name, or what makes an agent of tools and a home folder.
        sample: the questions.
        workers: processes that share the questions; 1 for this one.
        cache: folder of kept tool results.
        home: folder of media and traces; a temporary one where None.
        tick: called after each question.
        without: what the planner is asked without, some of `WITHOUT`.

    Raises:
        AgentmmError: a process ended early; also what loading the planner raises.
    """
    tick = tick or (lambda: None)
    if workers <= 1 or not isinstance(planner, str):
        return _part(planner, sample, 0, 1, cache, home, tick, without)
    context = multiprocessing.get_context("spawn")
    ticks = context.SimpleQueue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_tick_to, initargs=(ticks,)) as pool:
        parts = [pool.submit(_part_json, planner, sample, i, workers, cache, home, without) for i in range(workers)]
        while not all(part.done() for part in parts):
            wait(parts, timeout=0.2)
            while not ticks.empty():
                ticks.get()
                tick()
        try:
            outcomes = [[Outcome(**fields) for fields in part.result()] for part in parts]
        except BrokenProcessPool as error:
            line = "an evaluating process ended early: it was killed, or its planner or a tool ended it"
            raise AgentmmError(line, got=planner, mend=f"--workers 1, or fewer than {workers}") from error
    return [outcomes[i % workers][i // workers] for i in range(sum(map(len, outcomes)))]


_ticks: list[Any] = []
"""In a process of the pool: the queue that counts finished questions."""


def _tick_to(queue: Any) -> None:
    """Begin a process of the pool: processes are the parallelism, so libraries get a thread each."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _ticks[:] = [queue]
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone; a pool's worker would wait for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _part_json(
    planner: str,
    sample: Sample,
    first: int,
    step: int,
    cache: Path | None,
    home: Path | None,
    without: Sequence[str],
) -> list[dict[str, Any]]:
    outcomes = _part(planner, sample, first, step, cache, home, lambda: _ticks[0].put(1), without)
    return [asdict(outcome) for outcome in outcomes]


def _part(
    planner: str | AgentFactory,
    sample: Sample,
    first: int,
    step: int,
    cache: Path | None,
    home: Path | None,
    tick: Tick,
    without: Sequence[str],
) -> list[Outcome]:
    """Every `step`-th question of a sample."""
    questions = (question for i, question in enumerate(sample.questions()) if i % step == first)
    with tempfile.TemporaryDirectory(prefix="agentmm-eval-") as folder:
        root = Path(folder) if home is None else home
        faults = Faults()
        tools = kept_tools(ResultCache(cache), faults)
        with ExitStack() as stack:
            agent = stack.enter_context(make_agent(planner, tools, root, without))
            others: list[Agent] = []
            if sample.split == "hard" and not isinstance(agent.planner, ScriptedPlanner):
                own: Any = planner if not isinstance(planner, str) else agent.planner
                for house in range(HOUSES):
                    others.append(stack.enter_context(make_agent(own, renamed(tools, house), root, without)))
            outcomes = []
            for outcome in ask_all(agent, questions, faults, others):
                outcomes.append(outcome)
                tick()
            return outcomes


def make_agent(planner: str | AgentFactory, tools: list[Any], home: Path, without: Sequence[str] = ()) -> Agent:
    """The agent to measure.

    Raises:
        UsageError: the planner cannot be asked without that.
    """
    shown = [] if "tools" in without else tools
    if not isinstance(planner, str):
        loaded = hasattr(planner, "bind_tools")
        return Agent(planner=planner, tools=shown, home=home) if loaded else planner(tools, home)
    given = {name: value for word in without for name, value in WITHOUT[word].items()}
    if given and not (planner == "nano" or planner.startswith("hf:")):
        raise UsageError(
            "only a local planner can be asked without that", got=", ".join(without), expected="nano | hf:"
        )
    chosen = ScriptedPlanner() if planner == "scripted" else load_planner(planner, **given) if given else planner
    return Agent(planner=chosen, tools=shown, home=home)
