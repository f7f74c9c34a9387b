"""Two evaluations of the same questions: what was gained and lost, and how sure the difference is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentmm.errors import UsageError
from agentmm.eval.intervals import difference, wilson


def compare(before: Path | str, after: Path | str) -> dict[str, Any]:
    """Compare two files of outcomes over the questions that both have.

    Args:
        before: what `agentmm eval world --outcomes FILE` wrote.
        after: the same of another planner.

    Returns:
        `n`, `before` and `after` (`accuracy`, `ci95`, `calls` and `tokens` an episode), `difference` with its paired
        bootstrap interval `ci95`, and how many questions were `gained` and `lost`.

    Raises:
        UsageError: a file cannot be read, or the two have no question in common.
    """
    first, second = read_outcomes(before), read_outcomes(after)
    common = [question for question in first if question in second]
    if not common:
        raise UsageError(
            "the two evaluations have no question in common",
            got=f"{before}, {after}",
            expected="the same --split and --seed",
        )
    old, new = ([outcomes[question] for question in common] for outcomes in (first, second))
    was, now = ([bool(outcome["right"]) for outcome in outcomes] for outcomes in (old, new))
    value, interval = difference(was, now)
    return {
        "n": len(common), "before": _column(old), "after": _column(new), "difference": value, "ci95": interval,
        "gained": sum(b and not a for a, b in zip(was, now, strict=True)),
        "lost": sum(a and not b for a, b in zip(was, now, strict=True)),
    }  # fmt: skip


def read_outcomes(path: Path | str) -> dict[str, Mapping[str, Any]]:
    """Question id -> its outcome.

    Raises:
        UsageError: the file cannot be read or holds something else.
    """
    try:
        rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        return {
            row["id"]: {"right": row["right"], "calls": row["calls"], "tokens": row.get("tokens", 0)} for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "cannot read the outcomes",
            got=str(path),
            expected="JSON lines of `agentmm eval world --outcomes FILE`",
        ) from error


def _column(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    right, n = sum(bool(outcome["right"]) for outcome in outcomes), len(outcomes)
    calls = sum(int(outcome["calls"]) for outcome in outcomes)
    tokens = sum(int(outcome["tokens"]) for outcome in outcomes)
    return {
        "accuracy": round(right / n, 4), "ci95": wilson(right, n), "calls": round(calls / n, 3),
        "tokens": round(tokens / n, 1),
    }  # fmt: skip
