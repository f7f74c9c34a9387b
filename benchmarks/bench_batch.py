"""Many episodes on one model: a batch against one after another, the same questions and weights, in one run.

First the planner nano, then a random decoder of Qwen3's shape that is large enough for its weights to be what a step
waits for (rounded to float16, as a checkpoint saved in it; on a GPU in half precision, 50 M parameters a layer or as
`--size` says). The traces must be equal; on a GPU, where rounding may turn near ties, it is told how many are. Tools
were called before, so that their results are remembered: what is timed is the planner and the graph around it. On the
processor one after another goes with one torch thread and with one for each core, and the faster counts; a batch goes
with one for each core. On a GPU passes are recorded before what counts; each run is told as it ends, and once
`--seconds` are over no further round begins.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from large_decoder import add_options, chosen, large, parameters_of

from agentmm.agent import Agent
from agentmm.eval.running import Sample, as_media, kept_tools
from agentmm.planner.chat import ChatMM, load_local
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults

SEED = 5

FEW = 4
"""Questions that are asked one after another before it counts, so that their passes are recorded."""

WARM = 3
"""Most batches before it counts; fewer once one recorded nothing new."""


class Run(NamedTuple):
    """What one run of all questions gave.

    Attributes:
        hashes: of the traces.
        seconds: by the clock; `used`: of the processor; `prompts`, `steps`: of the clock, in prompts and in steps.
        count: of the steps.
        tokens: that were written.
        most: sequences at once.
        recorded: passes that were recorded meanwhile.
    """

    hashes: list[str]
    seconds: float
    used: float
    prompts: float
    steps: float
    count: int
    tokens: int
    most: int
    recorded: int

    def __str__(self) -> str:
        """One line, without the hashes."""
        late = f", {self.recorded} passes recorded meanwhile" if self.recorded else ""
        return (
            f"{self.seconds:.2f} s, {self.used:.2f} s of the processor, {self.tokens / self.seconds:.0f} tokens/s"
            f" ({self.count} steps {self.steps:.2f} s, prompts {self.prompts:.2f} s{late})"
        )


class Timed:
    """Counts the seconds of a method while it stands in its place."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name, self.work = owner, name, getattr(owner, name)
        self.seconds, self.count = 0.0, 0

    def __call__(self, *args: Any) -> Any:
        """Call the method."""
        began = time.perf_counter()
        try:
            return self.work(*args)
        finally:
            self.seconds, self.count = self.seconds + time.perf_counter() - began, self.count + 1

    def __enter__(self) -> Timed:
        """Stand in its place."""
        setattr(self.owner, self.name, self)
        return self

    def __exit__(self, *_: object) -> None:
        """Put the method back."""
        setattr(self.owner, self.name, self.work)


def run(chat: ChatMM, questions: list[Any], cache: ResultCache, workers: int, **budgets: Any) -> Run:
    """All questions, `workers` at once (0: one after another)."""
    local = chat.local
    local.sessions.clear()
    chat.batching.most = 0
    with (
        tempfile.TemporaryDirectory() as home,
        Agent(chat, kept_tools(cache, Faults()), home=home, **budgets) as agent,
    ):
        agent.ask("Are you there?")  # weights are brought in, the grammar is compiled
        before = local.recordings
        with Timed(local, "begin_several") as prompts, Timed(local, "advance") as steps:
            began, used = time.perf_counter(), time.process_time()
            answers = agent.batch(questions, workers=workers) if workers else [agent.ask(*asked) for asked in questions]
            seconds, used = time.perf_counter() - began, time.process_time() - used
        traces = [agent.traces.get(answer.trace_id) for answer in answers]
    tokens = sum(len(step.plan.completion_ids or ()) for trace in traces for step in trace.steps)
    return Run(
        [trace.hash for trace in traces], seconds, used, prompts.seconds, steps.seconds, steps.count, tokens,
        chat.batching.most, local.recordings - before,
    )  # fmt: skip


def compare(
    name: str, chat: ChatMM, questions: list[Any], options: argparse.Namespace, *, exact: bool = True, **budgets: Any
) -> None:
    """Alternate the ways; print the best of each and the ratio; on a busy machine the processor's seconds say more."""
    began, gpu, many = time.perf_counter(), options.device != "cpu", len(questions)
    alone = questions[: options.alone or many]
    threads = torch.get_num_threads() if gpu else len(os.sched_getaffinity(0))
    ways = list(dict.fromkeys([(many, threads), (0, threads if gpu else 1), (0, threads)]))
    measured: dict[tuple[int, int], list[Run]] = {way: [] for way in ways}
    print(f"{name}: {many} episodes, {len(alone)} one after another", flush=True)

    def told(way: tuple[int, int]) -> str:
        """What a way is called."""
        return ("a batch" if way[0] else "one after another") + ("" if gpu else f", torch threads {way[1]}")

    def note(what: str, run: Run) -> None:
        """Tell of a run at once where time may run out."""
        if gpu:
            print(f"  [{time.perf_counter() - began:.0f} s] {what}: {run}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        cache = ResultCache(options.results or Path(folder))

        def ask(workers: int, asked: list[Any]) -> Run:
            """One run."""
            return run(chat, asked, cache, workers, **budgets)

        wanted = [] if gpu else ask(0, alone).hashes
        if gpu:
            _warm(ask, questions, alone, note)
        for _ in range(options.rounds):
            for way in ways:
                if time.perf_counter() - began > options.seconds and measured[way]:
                    continue
                torch.set_num_threads(way[1])
                measured[way].append(ask(way[0], questions if way[0] else alone))
                note(told(way), measured[way][-1])
        torch.set_num_threads(threads)
    runs = [one for several in measured.values() for one in several]
    wanted = wanted or measured[ways[1]][0].hashes
    equal = min(sum(map(str.__eq__, one.hashes, wanted)) for one in runs)
    assert equal == len(alone) or not exact, "the traces differ"
    same = "equal traces" if equal == len(alone) else f"{equal} of {len(alone)} traces equal"
    batch = measured[ways[0]]
    print(f"{name}: {many} episodes, {batch[0].tokens} tokens, {same}, at most {batch[0].most} at once")
    if cache.misses:
        print(f"  tools were called {cache.misses} times")
    best = {way: min(several, key=lambda one: one.seconds / one.tokens) for way, several in measured.items()}
    for way in (*ways[1:], ways[0]):
        print(f"  {told(way)}: {best[way]}")
    one, other = min((best[way] for way in ways[1:]), key=lambda one: one.seconds / one.tokens), best[ways[0]]
    ratio, used = (
        other.tokens / other.seconds / (one.tokens / one.seconds),
        other.tokens / other.used / (one.tokens / one.used),
    )
    print(f"  ratio: {ratio:.2f} x, {used:.2f} x of the processor", flush=True)


def _warm(ask: Callable[..., Run], questions: list[Any], alone: list[Any], note: Callable[..., None]) -> None:
    """Have the passes recorded."""
    for _ in range(WARM):
        note("before, a batch", warm := ask(len(questions), questions))
        if not warm.recorded:
            break
    note("before, a few alone", ask(0, alone[:FEW]))


def main() -> None:
    """Nano, then the large one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--alone", type=int, help="so many of them one after another; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each model; then no round begins")
    parser.add_argument("--device", default="cpu")
    add_options(parser)
    parser.add_argument("--tokens", type=int, help="most that it writes in a turn: 24, on a GPU 128")
    parser.add_argument("--results", type=Path, help="folder of tools' results from an earlier run")
    parser.add_argument("--skip", choices=["nano", "large"])
    options = parser.parse_args()
    began = time.perf_counter()
    print("python", *sys.argv, flush=True)
    gpu = options.device != "cpu"
    if gpu:
        torch.backends.cudnn.allow_tf32 = False
        name = torch.cuda.get_device_name(options.device) if torch.cuda.is_available() else options.device
        print(name, flush=True)
    sample = Sample(n=options.episodes, seed=SEED)
    questions = [(asked.text, [as_media(medium) for medium in asked.media]) for asked in sample.questions()]
    if options.skip != "nano":
        compare("nano", load_local("nano", device=options.device), questions, options, exact=not gpu)
    if options.skip == "large":
        return
    shape, dtype = chosen(options)
    chat = large(shape, dtype, options.device, options.tokens or (24, 128)[gpu])
    if gpu:
        print(f"made after {time.perf_counter() - began:.1f} s", flush=True)
    told = f"random, {parameters_of(chat)}"
    compare(told, chat, questions, options, exact=not gpu and dtype == "float32", max_steps=2)


if __name__ == "__main__":
    main()
