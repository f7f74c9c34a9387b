"""Decoding: the planner against transformers' `generate`, on the same weights and the same turns, in one run.

An agent answers questions of the practice world with its tools; both then write each of its turns again, greedily and
after the same prompt and pictures. The tokens must be equal. What is timed begins when the prompt has been read. Both
have one thread: on a model this small more make `generate` slower.

With `--device cuda` a random decoder follows that is large enough for a GPU, in half precision, where rounding turns
near ties and tokens are only counted; then its passes by themselves, and what the memory could give at most.
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


def compare(local: LocalModel, turns: list[Turn], most: int, *, bound: bool, rounds: int, exact: bool = True) -> None:
    """Alternate over all turns; print milliseconds a token, the best round of each."""
    totals: list[list[float]] = []
    tokens = guessed = same = 0
    for _ in range(rounds):
        seconds, counts, guessed, same = [0.0, 0.0, 0.0], [0, 0, 0], 0, 0
        for turn in turns:
            written, ahead, hits = ours(local, turn, most, bound=bound, ahead=True)
            alone, single, _ = ours(local, turn, most, bound=bound, ahead=False)
            made, slow = theirs(local, turn, most, bound=bound)
            assert not exact or written == alone == made, "they wrote different tokens"
            same += written == alone == made
            seconds = [total + one for total, one in zip(seconds, (ahead, single, slow), strict=True)]
            counts = [count + len(ids) for count, ids in zip(counts, (written, alone, made), strict=True)]
            guessed += hits
        tokens = counts[0]
        totals.append([1000 * total / count for total, count in zip(seconds, counts, strict=True)])
    ahead, single, slow = (min(one) for one in zip(*totals, strict=True))
    print(f"{len(turns)} turns, {tokens} tokens, {'under' if bound else 'without'} the grammar", end="")
    print("" if same == len(turns) else f", {same} of the turns equal")
    print(
        f"  planner                 {ahead:.2f} ms a token, {100 * guessed / tokens:.0f} % of the tokens guessed ahead"
    )
    print(f"  one token at a time     {single:.2f} ms a token")
    print(f"  transformers' generate  {slow:.2f} ms a token")
    print(f"  ratio                   {slow / ahead:.2f} x, one token at a time {slow / single:.2f} x", flush=True)


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


def passes(decoder: Any, options: argparse.Namespace) -> None:
    """Passes of the decoder by themselves, of 1 and 32 sequences, against the bytes a second of a copy in memory."""
    device, count = decoder.device, 100 if options.device != "cpu" else 3
    size = sum(parameter.numel() * parameter.element_size() for parameter in decoder.parameters())
    source = torch.empty(2**30 if options.device != "cpu" else 2**24, dtype=torch.uint8, device=device).fill_(1)
    target = torch.empty_like(source)
    moved = 2 * source.numel() / seconds_of(lambda: target.copy_(source), device, 20)
    print(f"memory: a copy reads and writes {moved / 1e9:.0f} GB/s; weights of a pass {size / 1e9:.3f} GB", flush=True)
    steps = Steps(decoder)
    one = steps.begin([], 400)
    seconds = seconds_of(lambda: (together([(one, [7])]), one.keep(0)), device, min(count, 10))
    print(f"  not recorded, 1 x 1 tokens  {1000 * seconds:.3f} ms, {100 * size / moved / seconds:.0f} % of the limit")
    for name, fused in (("plain", False), ("compiled pieces", True))[: 1 + options.compiled]:
        captured = Captured(steps, fused=fused)
        for rows in (1, 32):
            for width in (1, captured.most):
                fed = [(steps.begin([], 400 + captured.most), [7] * width) for _ in range(rows)]
                for running, _ in fed:
                    running.length = 300

                def step(fed: Any = fed, captured: Captured = captured) -> None:
                    captured.step(fed)
                    for running, _ in fed:
                        running.keep(300)

                seconds = seconds_of(step, device, count)
                share = 100 * size / moved / seconds
                print(
                    f"  {name}, {rows} x {width} tokens  {1000 * seconds:.3f} ms, {share:.0f} % of the limit",
                    flush=True,
                )


def main() -> None:
    """Under the grammar, as the planner works, and without; on a GPU a large decoder, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--tokens", type=int, default=60, help="most of a turn")
    parser.add_argument("--large", action="store_true", help="the large decoder, too; as it is on a GPU")
    parser.add_argument("--dtype", default="bfloat16", help="of its weights")
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--compiled", action="store_true", help="its passes with compiled pieces, too")
    parser.add_argument("--results", type=Path, help="folder of tools' results from an earlier run")
    options = parser.parse_args()
    print("python", *sys.argv)
    gpu = options.device != "cpu"
    if not gpu:
        torch.set_num_threads(1)
    planner = load_local("nano", keep_sessions=False, device=options.device)
    turns = turns_of(planner, options.questions, options.results)
    for bound in (True, False):
        compare(planner.local, turns, options.tokens, bound=bound, rounds=options.rounds, exact=not gpu)
    if not (gpu or options.large):
        return
    from bench_batch import large  # beside this file, wherever it is run from

    chat = large(options.layers, options.width, device=options.device, dtype=options.dtype, keep_sessions=False)
    print(f"random, {sum(parameter.numel() for parameter in chat.model.parameters()) / 1e6:.0f} M parameters")
    compare(chat.local, turns[:4], options.tokens, bound=False, rounds=min(2, options.rounds), exact=False)
    with torch.inference_mode():
        passes(chat.model.decoder, options)


if __name__ == "__main__":
    main()
