"""The suite `examples`: three families that no training has seen, after none, one and two demonstrations.

The demonstrations come from gold runs of other questions, of these families and of ordinary ones, found as
`Agent(examples=...)` finds them; the same questions are asked each time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentmm.agent import Agent
from agentmm.eval.intervals import wilson
from agentmm.eval.running import Outcome, ask_all, kept_tools
from agentmm.planner import load_planner
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.tool.cache import ResultCache
from agentmm.tool.faults import Faults
from agentmm.world.families.untrained import FAMILIES
from agentmm.world.sample import sample_questions

SHOWN = (0, 1, 2)
"""Demonstrations before a question."""

SHOWN_OF_EACH, SHOWN_OF_OTHERS = 20, 120
"""Gold runs to choose from: of each untrained family, and of ordinary ones."""


def evaluate_examples(
    planner: Any = "nano",
    n: int = 40,
    seed: int = 0,
    *,
    think: bool | None = None,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Ask `n` questions of each untrained family with 0, 1 and 2 demonstrations.

    Args:
        planner: name of a planner, or one.
        n: questions of each family.
        seed: of the questions.
        think: whether a local planner thinks first; as it likes where None.
        tick: called after each question.

    Returns:
        For each number of demonstrations, under `shown`: `accuracy`, `ci95`, `by_family`, `n`.
    """
    names = [family.name for family in FAMILIES]
    loaded = load_planner(planner) if think is None else load_planner(planner, think=think)
    with tempfile.TemporaryDirectory(prefix="agentmm-eval-") as folder:
        home, kept = Path(folder), Path(folder) / "kept"
        known = [
            *sample_questions("train", SHOWN_OF_EACH * len(names), seed, families=names),
            *sample_questions("train", SHOWN_OF_OTHERS, seed),
        ]
        faults = Faults()
        with Agent(ScriptedPlanner(), kept_tools(ResultCache(kept), faults), home=home) as teacher:
            for _ in ask_all(teacher, known, faults):
                pass
        columns = {str(k): _asked(loaded, home, kept, k, names, n * len(names), seed, tick) for k in SHOWN}
    name = planner if isinstance(planner, str) else type(planner).__name__
    return {
        "suite": "examples", "planner": name, "seed": seed, "n": n * len(names),
        "think": "auto" if think is None else "on" if think else "off",
        "shown": {k: _column(outcomes) for k, outcomes in columns.items()},
    }  # fmt: skip


def _asked(
    planner: Any, home: Path, kept: Path, k: int, names: list[str], n: int, seed: int, tick: Callable[[], None]
) -> list[Outcome]:
    """The questions after at most `k` demonstrations."""
    faults = Faults()
    outcomes = []
    with Agent(planner, kept_tools(ResultCache(kept), faults), home=home / f"shown_{k}", examples=home, k=k) as agent:
        for outcome in ask_all(agent, sample_questions("test", n, seed, families=names), faults):
            outcomes.append(outcome)
            tick()
    return outcomes


def _column(outcomes: list[Outcome]) -> dict[str, Any]:
    right = [outcome.right for outcome in outcomes]
    families = sorted({outcome.family for outcome in outcomes})
    shares = {name: [outcome.right for outcome in outcomes if outcome.family == name] for name in families}
    return {
        "n": len(right), "accuracy": round(sum(right) / len(right), 4), "ci95": wilson(sum(right), len(right)),
        "by_family": {name: round(sum(hits) / len(hits), 4) for name, hits in shares.items()},
        "failed": sum(outcome.status == "failed" for outcome in outcomes),
    }  # fmt: skip
