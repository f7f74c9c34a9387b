"""Many episodes on one model: a batch against one after another, the same questions and weights, in one run.

First the planner nano, then a random decoder of Qwen3's shape that is large enough for its weights to be what a step
waits for (rounded to float16, as a checkpoint saved in it; on a GPU in half precision, 50 M parameters a layer). The
traces must be equal; on a GPU, where rounding may turn near ties, it is told how many are. Tools were called before, so
that their results are remembered: what is timed is the planner and the graph around it. On the processor one after
another goes with one torch thread and with one for each core, and the faster counts; a batch goes with one for each
core.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
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

CACHE_BYTES = (2**28, 2**34)
"""Bytes for sessions and what is being written: on the processor, on a GPU."""


def large(
    layers: int, width: int = 1024, tokens: int = 24, device: str = "cpu", dtype: str = "float32", **fields: Any
) -> ChatMM:
    """A random planner of nano's eyes, tokenizer and vocabulary with a decoder of some width."""
    nano, narrow = load_local("nano", device="cpu"), 64 if width <= 1024 else 128
    text = nano.model.config.text_config.to_dict() | {
        "hidden_size": width, "intermediate_size": 3 * width, "num_hidden_layers": layers, "head_dim": narrow,
        "num_attention_heads": width // narrow, "num_key_value_heads": width // narrow // 2, "layer_types": None,
    }  # fmt: skip
    torch.manual_seed(0)
    config = MultimodalConfig(nano.model.config.components, text, nano.model.config.image_token_id)
    with torch.device(device):
        model = MultimodalLM(config).to(getattr(torch, dtype)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    return ChatMM(
        model=model, processor=nano.processor, planner_name="large", max_tokens=tokens, think=False,
        cache_bytes=CACHE_BYTES[device != "cpu"], **fields,
    )  # fmt: skip


def run(chat: ChatMM, questions: list[Any], cache: ResultCache, workers: int, **budgets: Any) -> Any:
    """All questions, `workers` at once (0: one after another).

    Returns:
        Hashes of the traces, seconds by the clock and of the processor, tokens, and how many were written at once.
    """
    chat.local.sessions.clear()
    chat.batching.most = 0
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


def compare(
    name: str, chat: ChatMM, questions: list[Any], options: argparse.Namespace, *, exact: bool = True, **budgets: Any
) -> None:
    """Alternate the ways; print the best of each and the ratio; on a busy machine the processor's seconds say more."""
    gpu, many = chat.model.device.type != "cpu", len(questions)
    threads = torch.get_num_threads() if gpu else len(os.sched_getaffinity(0))
    ways = list(dict.fromkeys([(0, threads if gpu else 1), (0, threads), (many, threads)]))
    measured: dict[tuple[int, int], list[tuple[float, float]]] = {way: [] for way in ways}
    tokens, most, equal = dict.fromkeys(ways, 0), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        cache = ResultCache(options.results or Path(folder))
        for _ in range(2 * gpu):  # passes of many are recorded, then those of one
            run(chat, questions, cache, many, **budgets)
        wanted = run(chat, questions, cache, 0, **budgets)[0]
        for _ in range(options.rounds):
            for way in ways:
                torch.set_num_threads(way[1])
                hashes, seconds, tokens[way], at_once = run(chat, questions, cache, way[0], **budgets)
                equal = sum(one == other for one, other in zip(hashes, wanted, strict=True))
                assert equal == many or not exact, "the traces differ"
                measured[way].append(seconds)
                most = max(most, at_once)
    same = "equal traces" if equal == many else f"{equal} of {many} traces equal"
    print(f"{name}: {many} episodes, {tokens[many, threads]} tokens, {same}")
    if cache.misses:
        print(f"  tools were called {cache.misses} times")
    best = {way: tuple(map(min, zip(*seconds, strict=True))) for way, seconds in measured.items()}
    rates = {way: tokens[way] / best[way][0] for way in ways}
    for way, (seconds, used) in best.items():
        told = f"a batch, at most {most} at once" if way[0] else "one after another"
        told += "" if gpu else f", torch threads {way[1]}"
        print(f"  {told}: {seconds:.2f} s, {used:.2f} s of the processor, {rates[way]:.0f} tokens/s")
    *alone, batched = ways
    ratio, used = (
        rates[batched] / max(rates[way] for way in alone),
        min(best[way][1] for way in alone) / best[batched][1],
    )
    print(f"  ratio: {ratio:.2f} x, {used:.2f} x of the processor", flush=True)


def main() -> None:
    """Nano, then the large one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", help="of the large decoder's weights: float32, on a GPU bfloat16")
    parser.add_argument("--width", type=int, help="of the large decoder: 1024, on a GPU 2048")
    parser.add_argument("--layers", type=int, help="of it: 10 of 14 M parameters each, on a GPU 20 of 50 M")
    parser.add_argument("--tokens", type=int, help="most that it writes in a turn: 24, on a GPU 128")
    parser.add_argument("--results", type=Path, help="folder of tools' results from an earlier run")
    parser.add_argument("--skip", choices=["nano", "large"])
    options = parser.parse_args()
    print("python", *sys.argv)
    gpu = options.device != "cpu"
    if gpu:
        torch.backends.cudnn.allow_tf32 = False
        print(torch.cuda.get_device_name(options.device) if torch.cuda.is_available() else options.device)
    sample = Sample(n=options.episodes, seed=SEED)
    questions = [(asked.text, [as_media(medium) for medium in asked.media]) for asked in sample.questions()]
    if options.skip != "nano":
        compare("nano", load_local("nano", device=options.device), questions, options, exact=not gpu)
    if options.skip == "large":
        return
    shape = options.layers or (10, 20)[gpu], options.width or (1024, 2048)[gpu], options.tokens or (24, 128)[gpu]
    dtype = options.dtype or ("float32", "bfloat16")[gpu]
    chat = large(*shape, options.device, dtype)
    size = sum(parameter.numel() for parameter in chat.model.parameters()) / 1e6
    compare(
        f"random, {size:.0f} M parameters", chat, questions, options, exact=not gpu and dtype == "float32", max_steps=2
    )


if __name__ == "__main__":
    main()
