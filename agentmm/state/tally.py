"""Reducer of counters: numbers add up, None starts again."""

from __future__ import annotations


def tally(current: int | None, update: int | None) -> int:
    """Add an update to a counter; None sets it to zero, as each new question does.

    Example:
        `tally(3, 2)` is 5; `tally(3, None)` is 0.
    """
    return 0 if update is None else (current or 0) + update
