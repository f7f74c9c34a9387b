"""Decoding: the planner against transformers' `generate`, on the same weights and the same turns, in one run.

An agent answers questions of the practice world with its tools; both then write each of its turns again, greedily and
after the same prompt and pictures. The tokens must be equal. What is timed begins when the prompt has been read. Both
have one thread: on a model this small more make `generate` slower.

With `--device cuda` a random decoder comes first that is large enough for a GPU, in half precision, where rounding
turns near ties and tokens are only counted: its passes by themselves and its turns, against what the memory could give
at most (the weights once and keys and values once, at the bytes a second that its maker names and that a large copy
reaches). Each part is told as it ends, and ends before its next piece once `--seconds` are over.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from large_decoder import add_options, bytes_read, chosen, large, parameters_of, peak_of

from agentmm.agent import Agent
from agentmm.eval.running import Sample, as_media, kept_tools
from agentmm.model.captured import Captured
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.model.steps import Steps, together
from agentmm.planner.chat import load_local
from agentmm.planner.local import LocalModel, Prompt
from agentmm.planner.sequence import Admitted, Request
from agentmm.planner.writing import Sampling
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults

ROUNDS, SEED = 3, 5


@dataclass(frozen=True)
class Turn:
    """What the planner was asked in one step.

    Attributes:
        prompt: ids and images.
        pictures: by hash.
        constraint: at the beginning of the completion; to be copied.
    """

    prompt: Prompt
    pictures: dict[str, Any]
    constraint: Any


def turns_of(planner: Any, questions: int, results: Path | None) -> list[Turn]:
    """The turns of an agent that answers the questions."""
    turns: list[Turn] = []
    begin = planner.local.begin_several

    def note(requests: Sequence[Request], tokens: float = math.inf) -> list[Admitted]:
        for request in requests:
            pictures = {sha: request.load(sha) for _, sha in request.prompt.images}
            turns.append(Turn(request.prompt, pictures, request.constraint.copy()))
        return begin(requests, tokens)

    planner.local.begin_several = note
    with tempfile.TemporaryDirectory() as home:
        tools = kept_tools(ResultCache(results or Path(home) / "results"), Faults())
        with Agent(planner=planner, tools=tools, home=home) as agent:
            for question in Sample(n=questions, seed=SEED).questions():
                agent.ask(question.text, media=[as_media(medium) for medium in question.media])
    planner.local.begin_several = begin
    assert turns, "no turn was noted"
    return turns


def ours(local: LocalModel, turn: Turn, most: int, *, bound: bool, ahead: bool) -> tuple[list[int], float, int]:
    """The planner's completion: (tokens, seconds of decoding, tokens that were guessed)."""
    local.ahead = ahead
    constraint = turn.constraint.copy() if bound else None
    done = local.complete(turn.prompt, turn.pictures.__getitem__, constraint, Sampling(max_tokens=most))
    return done.ids, done.counters.decode_seconds, done.counters.guessed_tokens


class Bound:
    """The grammar as `generate` takes it; notes when the first logits came."""

    def __init__(self, constraint: Any) -> None:
        self.constraint, self.began = constraint, 0.0

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [1, V] of legal tokens only."""
        first, self.began = not self.began, self.began or time.perf_counter()
        if self.constraint is None:
            return scores
        if not first:
            self.constraint.take(int(ids[0, -1]))
        return scores.masked_fill(torch.from_numpy(~self.constraint.legal()).to(scores.device), -torch.inf)


def theirs(local: LocalModel, turn: Turn, most: int, *, bound: bool) -> tuple[list[int], float]:
    """What `generate` writes: (tokens, seconds of decoding)."""
    device, dtype = local.model.device, local.model.dtype
    given, processor = torch.tensor([turn.prompt.ids], device=device), Bound(turn.constraint.copy() if bound else None)
    pictures: dict[str, Any] = {}
    if turn.prompt.images:
        pixels = [square_pixels(turn.pictures[sha], local.image_size) for _, sha in turn.prompt.images]
        pictures["pixel_values"] = torch.from_numpy(scale_pixels(np.stack(pixels))).to(device, dtype)
    with torch.inference_mode():
        made = local.model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=most,
            eos_token_id=local.end_id, pad_token_id=0, logits_processor=[processor], **pictures,
        )  # fmt: skip
    return made[0, given.shape[1] :].tolist(), time.perf_counter() - processor.began


@dataclass
class Round:
    """Seconds and tokens of three ways over turns: with guesses, one token at a time, `generate`.

    Attributes:
        turns: how many were written.
        guessed: tokens of the first way that were guessed ahead.
        same: turns in which all wrote the same.
    """

    seconds: list[float]
    tokens: list[int]
    turns: int = 0
    guessed: int = 0
    same: int = 0

    @property
    def each(self) -> list[float]:
        """Milliseconds a token of each way."""
        return [1000 * total / count for total, count in zip(self.seconds, self.tokens, strict=True)]


def written(local: LocalModel, turns: list[Turn], most: int, until: float, *, bound: bool, exact: bool) -> Round:
    """Write turns in each way, until there is no more time; the first at any rate."""
    done = Round([0.0] * 3, [0] * 3)
    for turn in turns:
        ahead, alone = (ours(local, turn, most, bound=bound, ahead=ahead) for ahead in (True, False))
        made, slow = theirs(local, turn, most, bound=bound)
        assert not exact or ahead[0] == alone[0] == made, "they wrote different tokens"
        done.same += ahead[0] == alone[0] == made
        done.seconds = [total + one for total, one in zip(done.seconds, (ahead[1], alone[1], slow), strict=True)]
        done.tokens = [n + len(ids) for n, ids in zip(done.tokens, (ahead[0], alone[0], made), strict=True)]
        done.turns, done.guessed = done.turns + 1, done.guessed + ahead[2]
        if time.perf_counter() > until:
            break
    return done


def compare(
    local: LocalModel, turns: list[Turn], options: argparse.Namespace, *, bound: bool, exact: bool
) -> list[float]:
    """Alternate over all turns; print and return milliseconds a token, the best round of each way."""
    until, rounds = time.perf_counter() + options.seconds, list[Round]()
    if options.device != "cpu":  # passes are recorded
        for turn in turns:
            for ahead in (True, False):
                ours(local, turn, options.tokens, bound=bound, ahead=ahead)
    while len(rounds) < options.rounds and not (rounds and time.perf_counter() > until):
        rounds.append(written(local, turns, options.tokens, until, bound=bound, exact=exact))
        if rounds[-1].turns < rounds[0].turns:
            rounds.pop()
            break
    last = rounds[-1]
    ahead, single, slow = best = [min(one) for one in zip(*(one.each for one in rounds), strict=True)]
    print(f"{last.turns} turns, {last.tokens[0]} tokens, {'under' if bound else 'without'} the grammar", end="")
    print("" if last.same == last.turns else f", {last.same} of the turns equal")
    share = 100 * last.guessed / last.tokens[0]
    print(f"  planner                 {ahead:.2f} ms a token, {share:.0f} % of the tokens guessed ahead")
    print(f"  one token at a time     {single:.2f} ms a token")
    print(f"  transformers' generate  {slow:.2f} ms a token")
    print(f"  ratio                   {slow / ahead:.2f} x, one token at a time {slow / single:.2f} x", flush=True)
    return best


def seconds_of(work: Any, device: torch.device, times: int) -> float:
    """Mean seconds of doing something; the device has finished before the clock is read."""
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(times):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / times


class Limit:
    """What a device's memory gives at most, as its maker says and as a large copy reaches; both are told."""

    def __init__(self, device: torch.device) -> None:
        source = torch.empty(2**30 if device.type != "cpu" else 2**24, dtype=torch.uint8, device=device).fill_(1)
        target = torch.empty_like(source)
        self.copied = 2 * source.numel() / seconds_of(lambda: target.copy_(source), device, 20)
        self.peak = peak_of(device)
        told = f"; its maker says {self.peak / 1e9:.0f}" if self.peak else ""
        print(f"memory: a copy reads and writes {self.copied / 1e9:.0f} GB/s{told}", flush=True)

    def of(self, size: float, seconds: float) -> str:
        """The share of it that so many bytes in so many seconds are."""
        shares = [f"{100 * size / self.copied / seconds:.0f} % of a copy's"]
        if self.peak:
            shares.append(f"{100 * size / self.peak / seconds:.0f} % of the maker's")
        return f"{size / seconds / 1e9:.0f} GB/s, {' and '.join(shares)}"


POSITIONS = 300
"""Tokens that stand before those of a pass."""


def passes(decoder: Any, limit: Limit, options: argparse.Namespace) -> None:
    """Passes of the decoder by themselves, of 1 and 32 sequences, against the limit of the memory."""
    device, count = decoder.device, 50 if options.device != "cpu" else 3
    until, steps = time.perf_counter() + options.seconds, Steps(decoder)
    for name, fused in (("plain", False), ("compiled pieces", True))[: 1 + options.compiled]:
        captured = Captured(steps, fused=fused)
        for rows, width in ((1, 1), (32, 1), (1, captured.most), (32, captured.worth(32))):
            if time.perf_counter() > until:
                print(f"  {name}, {rows} x {width} tokens  left out: the time is over", flush=True)
                continue
            fed = [(steps.begin([], POSITIONS + 100 + captured.most), [7] * width) for _ in range(rows)]
            for running, _ in fed:
                running.length = POSITIONS

            def step(fed: Any = fed, captured: Captured = captured) -> None:
                captured.step(fed)
                for running, _ in fed:
                    running.keep(POSITIONS)

            seconds = seconds_of(step, device, count)
            told = limit.of(bytes_read(decoder, rows, POSITIONS), seconds)
            print(f"  {name}, {rows} x {width} tokens  {1000 * seconds:.3f} ms: {told}", flush=True)
    one = steps.begin([], POSITIONS)
    seconds = seconds_of(lambda: (together([(one, [7])]), one.keep(0)), device, min(count, 10))
    print(f"  not recorded, 1 x 1 tokens  {1000 * seconds:.3f} ms: {limit.of(bytes_read(decoder, 1, 1), seconds)}")


def of_large(turns: list[Turn], options: argparse.Namespace) -> None:
    """The large decoder: its passes, then turns of it."""
    began, (shape, dtype) = time.perf_counter(), chosen(options)
    chat = large(shape, dtype, options.device, keep_sessions=False)
    decoder = chat.model.decoder
    size = bytes_read(decoder, 0, 0) / 1e9
    print(
        f"random, {parameters_of(chat)}, {size:.2f} GB a step, made in {time.perf_counter() - began:.1f} s", flush=True
    )
    with torch.inference_mode():
        limit = Limit(decoder.device)
        passes(decoder, limit, options)
    if turns:
        compare_large(chat.local, turns[:4], limit, options)


def compare_large(local: LocalModel, turns: list[Turn], limit: Limit, options: argparse.Namespace) -> None:
    """Turns of the large decoder without the grammar, against `generate` and the limit of the memory."""
    best = compare(local, turns, options, bound=False, exact=False)
    positions = sum(len(turn.prompt.ids) for turn in turns) // len(turns) + options.tokens // 2
    size = bytes_read(local.model.decoder, 1, positions)
    for told, each in zip(("planner", "one at a time", "generate"), best, strict=True):
        print(f"  {told}: {1000 / each:.0f} tokens/s; were each a step: {limit.of(size, each / 1000)}", flush=True)


def main() -> None:
    """On a GPU a large decoder; nano under the grammar, as the planner works, and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--questions", type=int, default=12, help="0: the large decoder's passes alone")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--tokens", type=int, default=60, help="most of a turn")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of each part; then it ends")
    parser.add_argument("--large", action="store_true", help="the large decoder, too; as it is on a GPU")
    parser.add_argument("--skip", choices=["nano", "large"])
    add_options(parser)
    parser.add_argument("--compiled", action="store_true", help="its passes with compiled pieces, too")
    parser.add_argument("--results", type=Path, help="folder of tools' results from an earlier run")
    options = parser.parse_args()
    print("python", *sys.argv, flush=True)
    gpu = options.device != "cpu"
    if not gpu:
        torch.set_num_threads(1)
    elif torch.cuda.is_available():
        print(torch.cuda.get_device_name(options.device), flush=True)
    writer = load_local("nano", keep_sessions=False, device="cpu")  # its turns need no passes to be recorded
    turns = turns_of(writer, options.questions, options.results) if options.questions else []
    if options.skip != "large" and (gpu or options.large):
        of_large(turns, options)
    if options.skip != "nano" and turns:
        planner = load_local("nano", keep_sessions=False, device=options.device) if gpu else writer
        for bound in (True, False):
            compare(planner.local, turns, options, bound=bound, exact=not gpu)


if __name__ == "__main__":
    main()
