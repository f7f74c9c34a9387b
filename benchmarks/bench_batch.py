"""Many episodes on one model: a batch against one after another, the same questions and weights, in one run.

First the planner nano, then a random decoder of Qwen3's shape that is large enough for its weights to be what a step
waits for (rounded to float16, as a checkpoint saved in it). The traces must be equal. Tools were called before, so
that their results are remembered: what is timed is the planner and the graph around it. One after another goes with one
torch thread and with one for each core, and the faster counts; a batch goes with one for each core.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from agentmm.agent import Agent
from agentmm.eval.running import Sample, as_media, kept_tools
from agentmm.model import MultimodalConfig, MultimodalLM
from agentmm.planner.chat import ChatMM, load_local
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults

SEED = 5


def large(layers: int) -> ChatMM:
    """A random planner of nano's eyes, tokenizer and vocabulary with a decoder of width 1024."""
    nano = load_local("nano")
    text = nano.model.config.text_config.to_dict() | {
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": layers, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 64, "layer_types": None,
    }  # fmt: skip
    torch.manual_seed(0)
    config = MultimodalConfig(nano.model.config.components, text, nano.model.config.image_token_id)
    model = MultimodalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    return ChatMM(model=model, processor=nano.processor, planner_name="large", max_tokens=24, think=False)


def run(planner: Callable[[], ChatMM], questions: list[Any], cache: ResultCache, workers: int, **budgets: Any) -> Any:
    """All questions, `workers` at once (0: one after another).

    Returns:
        Hashes of the traces, seconds by the clock and of the processor, tokens, and how many were written at once.
    """
    chat = planner()
    with (
        tempfile.TemporaryDirectory() as home,
        Agent(chat, kept_tools(cache, Faults()), home=home, **budgets) as agent,
    ):
        agent.ask("Are you there?")  # weights are brought in, the grammar is compiled
        began, used = time.perf_counter(), time.process_time()
        answers = agent.batch(questions, workers=workers) if workers else [agent.ask(*asked) for asked in questions]
        seconds = time.perf_counter() - began, time.process_time() - used
        traces = [agent.traces.get(answer.trace_id) for answer in answers]
    tokens = sum(len(step.plan.completion_ids or ()) for trace in traces for step in trace.steps)
    return [trace.hash for trace in traces], seconds, tokens, chat.batching.most


def compare(name: str, planner: Callable[[], ChatMM], questions: list[Any], rounds: int, **budgets: Any) -> None:
    """Alternate the ways; print the best of each and the ratio; on a busy machine the processor's seconds say more."""
    cores, many = len(os.sched_getaffinity(0)), len(questions)
    ways = list(dict.fromkeys([(0, 1), (0, cores), (many, cores)]))
    measured: dict[tuple[int, int], list[tuple[float, float]]] = {way: [] for way in ways}
    most = tokens = 0
    with tempfile.TemporaryDirectory() as folder:
        cache = ResultCache(Path(folder))
        wanted = run(planner, questions, cache, 0, **budgets)[0]
        for _ in range(rounds):
            for workers, threads in ways:
                torch.set_num_threads(threads)
                hashes, seconds, tokens, at_once = run(planner, questions, cache, workers, **budgets)
                assert hashes == wanted, "the traces differ"
                measured[workers, threads].append(seconds)
                most = max(most, at_once)
    print(f"{name}: {many} episodes, {tokens} tokens, equal traces")
    best = {way: tuple(map(min, zip(*seconds, strict=True))) for way, seconds in measured.items()}
    for (workers, threads), (seconds, used) in best.items():
        way = f"a batch, at most {most} at once" if workers else "one after another"
        print(f"  {way}, torch threads {threads}: {seconds:.2f} s, {used:.2f} s of the processor")
    batched, batched_used = best[many, cores]
    alone, alone_used = (min(best[way][index] for way in ways if not way[0]) for index in (0, 1))
    print(f"  ratio: {alone / batched:.2f} x, {alone_used / batched_used:.2f} x of the processor")


def main() -> None:
    """Nano, then the large one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=10, help="of the large decoder, 14 M parameters each")
    options = parser.parse_args()
    print("python", *sys.argv)
    sample = Sample(n=options.episodes, seed=SEED)
    questions = [(asked.text, [as_media(medium) for medium in asked.media]) for asked in sample.questions()]
    compare("nano", lambda: load_local("nano"), questions, options.rounds)
    chat = large(options.layers)
    size = sum(parameter.numel() for parameter in chat.model.parameters()) / 1e6
    fields = {name: getattr(chat, name) for name in type(chat).model_fields}
    compare(f"random, {size:.0f} M parameters", lambda: ChatMM(**fields), questions, options.rounds, max_steps=2)


if __name__ == "__main__":
    main()
