"""How many workers, and how much of a machine each has: checked before Ray is asked for them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from agentmm.errors import UsageError

_LEAST = 0.0001  # Ray's smallest part of a core or a GPU
_MOST = 1_000_000


def count(name: str, given: Any) -> int:
    """A number of workers, or of tasks at once.

    Raises:
        UsageError: it is no whole number, or below 1.
    """
    if isinstance(given, bool) or not isinstance(given, Integral) or not 1 <= int(given) <= _MOST:
        raise UsageError(f"a fleet needs {name}", got=given, expected="a whole number, 1 or more")
    return int(given)


def amount(name: str, given: Any, *, none: bool = False) -> float:
    """Cores or GPUs of each worker.

    Args:
        name: what they are.
        given: how many.
        none: whether 0 will do.

    Raises:
        UsageError: it is no number, or too small.
    """
    if none and is_number(given) and given == 0:
        return 0.0
    if not is_number(given) or not _LEAST <= given <= _MOST:
        expected = f"a number, {'0 or ' if none else ''}{_LEAST} or more"
        raise UsageError(f"a worker cannot have so many {name}", got=given, expected=expected)
    return float(given)


def is_number(given: Any) -> bool:
    """Whether it is a number; True and False are none."""
    return isinstance(given, Real) and not isinstance(given, bool)
