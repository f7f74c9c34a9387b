"""Job 3, second half: sample a planner, pair right with wrong runs, train it with DPO, and measure again.

`python examples/align.py [PLANNER] [QUESTIONS]`; PLANNER is nano (the default) or hf:FOLDER. A demonstration: a few
minutes and a handful of pairs move little; `agentmm traces collect`, `traces pairs`, `train dpo` and `eval world` are
the same four steps at any size.
"""

import sys
import tempfile
from pathlib import Path

from agentmm.collect import collect_sampled
from agentmm.preference import outcome_pairs, write_rows
from agentmm.trace import TraceStore
from agentmm.train.dpo import Recipe
from agentmm.train.dpo_main import NANO, run
from agentmm.world.sample import sample_questions

FAMILIES = ["count_colour", "count_shape", "exist", "difference"]
TOOLS = ["detect", "calculate"]


def share_right(planner: str, questions: list, home: Path, name: str, samples: int, temperature: float) -> float:
    """Ask, and give the share of right answers; the traces stay in `home/name`."""
    store = home / name
    options = {"samples": samples, "temperature": temperature, "tools": TOOLS, "home": home, "quiet": True}
    collect_sampled(questions, store, planner, **options)
    outcomes = list(TraceStore(store).labelled("outcome").values())
    return outcomes.count("right") / len(outcomes)


def main(planner: str = "nano", count: int = 6) -> None:
    home = Path(tempfile.mkdtemp())
    model = NANO if planner == "nano" else Path(planner.removeprefix("hf:"))
    practice = list(sample_questions("train", count, seed=21, families=FAMILIES))
    unseen = list(sample_questions("val", count, seed=22, families=FAMILIES))

    sampled = share_right(planner, practice, home, "sampled.db", samples=4, temperature=1.0)
    before = share_right(planner, unseen, home, "before.db", samples=1, temperature=0.0)
    traces = TraceStore(home / "sampled.db")
    pairs = list(outcome_pairs(traces))
    print(f"{4 * count} sampled runs, {sampled:.0%} right, {len(pairs)} preference pairs")
    if not pairs:
        print("no question had both a right and a wrong run; ask more questions: examples/align.py nano 50")
        return

    write_rows(pairs, traces, home / "pairs.jsonl")
    told = run(home / "pairs.jsonl", model, home / "aligned", home / "media", Recipe(lr=3e-6, epochs=2))
    last = told["steps"][-1]
    print(
        f"DPO: {len(told['steps'])} steps in {told['seconds']} s, loss {last['loss']:.4f}, margin {last['margin']:.3f}"
    )
    after = share_right(f"hf:{home / 'aligned'}", unseen, home, "after.db", samples=1, temperature=0.0)
    print(f"{count} unseen questions: {before:.0%} right before, {after:.0%} after; weights in {home / 'aligned'}")


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
