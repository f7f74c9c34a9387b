"""Decoding: the planner against transformers' `generate`, on the same weights and the same turns, in one run.

An agent answers questions of the practice world with its tools; both then write each of its turns again, greedily and
after the same prompt and pictures. The tokens must be equal. What is timed begins when the prompt has been read. Both
have one thread: on a model this small more make `generate` slower.
"""

from __future__ import annotations

import math
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
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.planner.chat import load_local
from agentmm.planner.local import LocalModel, Prompt
from agentmm.planner.sequence import Admitted, Request
from agentmm.planner.writing import Sampling
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults

QUESTIONS, ROUNDS, MOST_TOKENS, SEED = 12, 3, 60, 5


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


def turns_of(planner: Any) -> list[Turn]:
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
        tools = kept_tools(ResultCache(Path(home) / "results"), Faults())
        with Agent(planner=planner, tools=tools, home=home) as agent:
            for question in Sample(n=QUESTIONS, seed=SEED).questions():
                agent.ask(question.text, media=[as_media(medium) for medium in question.media])
    planner.local.begin_several = begin
    assert turns, "no turn was noted"
    return turns


def ours(local: LocalModel, turn: Turn, *, bound: bool, ahead: bool) -> tuple[list[int], float, int]:
    """The planner's completion: (tokens, seconds of decoding, tokens that were guessed)."""
    local.ahead = ahead
    constraint = turn.constraint.copy() if bound else None
    done = local.complete(turn.prompt, turn.pictures.__getitem__, constraint, Sampling(max_tokens=MOST_TOKENS))
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
        return scores.masked_fill(torch.from_numpy(~self.constraint.legal()), -torch.inf)


def theirs(local: LocalModel, turn: Turn, *, bound: bool) -> tuple[list[int], float]:
    """What `generate` writes: (tokens, seconds of decoding)."""
    given, processor = torch.tensor([turn.prompt.ids]), Bound(turn.constraint.copy() if bound else None)
    pictures: dict[str, Any] = {}
    if turn.prompt.images:
        pixels = [square_pixels(turn.pictures[sha], local.image_size) for _, sha in turn.prompt.images]
        pictures["pixel_values"] = torch.from_numpy(scale_pixels(np.stack(pixels)))
    with torch.inference_mode():
        made = local.model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=MOST_TOKENS,
            eos_token_id=local.end_id, pad_token_id=0, logits_processor=[processor], **pictures,
        )  # fmt: skip
    return made[0, given.shape[1] :].tolist(), time.perf_counter() - processor.began


def compare(local: LocalModel, turns: list[Turn], *, bound: bool) -> None:
    """Alternate over all turns; print milliseconds a token, the best round of each."""
    totals: list[list[float]] = []
    for _ in range(ROUNDS):
        seconds, tokens, guessed = [0.0, 0.0, 0.0], 0, 0
        for turn in turns:
            written, ahead, hits = ours(local, turn, bound=bound, ahead=True)
            alone, single, _ = ours(local, turn, bound=bound, ahead=False)
            made, slow = theirs(local, turn, bound=bound)
            assert written == alone == made, "they wrote different tokens"
            seconds = [total + one for total, one in zip(seconds, (ahead, single, slow), strict=True)]
            tokens, guessed = tokens + len(written), guessed + hits
        totals.append([1000 * total / tokens for total in seconds])
    ahead, single, slow = (min(rounds) for rounds in zip(*totals, strict=True))
    print(f"{len(turns)} turns, {tokens} tokens, {'under' if bound else 'without'} the grammar")
    print(
        f"  planner                 {ahead:.2f} ms a token, {100 * guessed / tokens:.0f} % of the tokens guessed ahead"
    )
    print(f"  one token at a time     {single:.2f} ms a token")
    print(f"  transformers' generate  {slow:.2f} ms a token")
    print(f"  ratio                   {slow / ahead:.2f} x, one token at a time {slow / single:.2f} x")


def main() -> None:
    """Under the grammar, as the planner works, and without."""
    torch.set_num_threads(1)
    planner = load_local("nano", keep_sessions=False)
    turns = turns_of(planner)
    for bound in (True, False):
        compare(planner.local, turns, bound=bound)


if __name__ == "__main__":
    main()
