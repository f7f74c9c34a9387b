"""Packages that a family of models needs beside transformers, read off what the library says when one is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from agentmm.errors import PlannerError
from agentmm.planner.foreign.weights import first_line

_PIP = re.compile(r"pip install (?:-U |--upgrade )?([A-Za-z0-9][\w.-]*\w)")
"""How transformers names a package that it lacks."""


@contextmanager
def packages_told(place: str) -> Iterator[None]:
    """Whatever fails within for want of a package says which one is to be installed.

    Args:
        place: the model's folder or name.

    Raises:
        PlannerError: a package is missing; anything else is passed on as it is.
    """
    try:
        yield
    except Exception as error:
        found = _missing(error)
        if found is None:
            raise
        package, cause = found
        line = f"the model needs a package that is not installed: {first_line(cause)}"
        raise PlannerError(line, got=place, mend=f"pip install {package}") from error


def _missing(error: BaseException) -> tuple[str, ImportError] | None:
    """The package that an error, or one behind it, is about, and that error."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ImportError):
            named = _PIP.search(str(inner))
            module = inner.name if isinstance(inner, ModuleNotFoundError) else None
            package = named[1] if named is not None else (module or "").partition(".")[0]
            return (package, inner) if package else None
        inner = inner.__cause__
    return None
