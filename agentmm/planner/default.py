"""Which planner to take where none is named."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_NANO = Path(__file__).parents[1] / "weights" / "nano" / "config.json"


def default_planner() -> str:
    """`nano` where its weights and torch are, else `scripted`, which understands the practice world's wordings."""
    return "nano" if _NANO.is_file() and find_spec("torch") and find_spec("transformers") else "scripted"
