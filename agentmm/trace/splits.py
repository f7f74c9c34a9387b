"""Which traces may be learnt from: what a planner is measured on, it must not have seen."""

from __future__ import annotations

from typing import Any

TRAINED = "train"
"""The split of the practice world whose traces training reads."""


def split_of(question: Any) -> str:
    """The split that a trace's label `question` names; `train` for a question of no world, a user's own for one."""
    return str(question.get("split", TRAINED)) if isinstance(question, dict) else TRAINED
