"""`python -m agentmm.collect --split train -n 8000 --out traces.db`: gold or sampled runs of world questions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentmm.agent.agent import DEFAULT_TOOLS
from agentmm.collect.failures import most_common
from agentmm.collect.gold import collect_gold
from agentmm.collect.sampled import collect_sampled
from agentmm.errors import AgentmmError, UsageError
from agentmm.tool.checking import nearest
from agentmm.world.families import FAMILIES
from agentmm.world.sample import Question, sample_questions


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, collect, say what was made; returns the exit code."""
    options = _parser().parse_args(arguments)
    families = None if options.families is None else [name.strip() for name in options.families.split(",")]
    tools = DEFAULT_TOOLS if options.tools is None else [name.strip() for name in options.tools.split(",")]
    cache = None if options.no_cache else options.cache or Path(options.out).with_suffix(".cache")
    failed: list[str] = []
    try:
        questions = _questions(options.split, options.n, options.seed, families)
        if options.planner == "gold":
            made = collect_gold(
                questions, options.out, tools=tools, graph=options.graph, home=options.home, workers=options.workers,
                cache=cache,
            )  # fmt: skip
        else:
            made = collect_sampled(
                questions, options.out, options.planner, tools=tools, graph=options.graph, home=options.home,
                samples=options.samples, temperature=options.temperature, cache=cache, workers=options.workers,
                at_once=options.at_once, failed=failed.append,
            )  # fmt: skip
    except AgentmmError as error:
        print(f"agentmm: {error}", file=sys.stderr)  # noqa: T201  # a command speaks
        return error.exit_code
    except KeyboardInterrupt:
        print("agentmm: interrupted; run again to go on", file=sys.stderr)  # noqa: T201  # a command speaks
        return 130
    print(f"{made} traces -> {options.out}")  # noqa: T201  # what the command came to
    if failed:
        line = f"{len(failed)} runs failed, most of them so: {most_common(failed)}; run again to make them anew"
        print(f"agentmm: {line}", file=sys.stderr)  # noqa: T201  # a command speaks
    return 1 if failed and not made else 0


def _questions(split: str, n: int, seed: int, families: Sequence[str] | None) -> list[Question]:
    """The questions; families that are not there are refused in one line.

    Raises:
        UsageError: there is no such family.
    """
    for family in families or ():
        if family not in FAMILIES:
            like = nearest(family, FAMILIES)
            raise UsageError(
                "unknown family", got=family, expected=like, mend="agentmm eval families, which lists them"
            )
    try:
        return list(sample_questions(split, n, seed, families=families))
    except ValueError as error:
        raise UsageError(f"these questions cannot be asked: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agentmm.collect", description=__doc__)
    parser.add_argument("--split", default="train", choices=("train", "val", "test"))
    parser.add_argument("-n", type=int, default=1000, help="questions")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other questions")
    parser.add_argument("--out", required=True, help="trace store, an SQLite file; runs already there are passed over")
    parser.add_argument("--planner", default="gold", help="gold, or a planner to sample (nano, hf:FOLDER, ...)")
    parser.add_argument("--samples", type=int, default=4, help="runs a question, for a sampled planner")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--families", help="only these, separated by commas")
    parser.add_argument("--tools", help="tools shown, separated by commas")
    parser.add_argument("--graph", default="react")
    parser.add_argument("--home", help="folder of the media store")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument(
        "--at-once", type=int, default=1, help="runs side by side in each process, for a sampled planner"
    )
    parser.add_argument("--cache", help="folder of tool results; beside the store by default")
    parser.add_argument("--no-cache", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
