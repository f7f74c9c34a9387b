"""Intervals of shares and ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_Z = 1.959964  # two-sided 95 %


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927); (0, 1) where nothing was asked."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def ratio(above: Sequence[bool], below: Sequence[bool], draws: int = 1000) -> tuple[float, tuple[float, float]] | None:
    """Ratio of two shares over the same questions, with a 95 % paired bootstrap interval.

    Args:
        above: right or wrong, by question, of the first.
        below: the same of the second.
        draws: resamples, from a fixed seed.

    Returns:
        (ratio, (low, high)), or None where the second is never right.
    """
    a, b = np.asarray(above, float), np.asarray(below, float)
    if not b.sum():
        return None
    picks = np.random.default_rng(0).integers(len(a), size=(draws, len(a)))
    ratios = a[picks].sum(1) / np.maximum(1.0, b[picks].sum(1))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return round(float(a.sum() / b.sum()), 4), (round(float(low), 4), round(float(high), 4))


def difference(before: Sequence[bool], after: Sequence[bool], draws: int = 2000) -> tuple[float, tuple[float, float]]:
    """Share of the second less share of the first over the same questions, with a 95 % paired bootstrap interval."""
    steps = np.asarray(after, float) - np.asarray(before, float)
    picks = np.random.default_rng(0).integers(len(steps), size=(draws, len(steps)))
    low, high = np.quantile(steps[picks].mean(1), (0.025, 0.975))
    return round(float(steps.mean()), 4), (round(float(low), 4), round(float(high), 4))
