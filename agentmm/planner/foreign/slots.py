"""Marks with slots: what a template writes around calls and results may count them, or name what was called."""

from __future__ import annotations

import re

NUMBER = "\ue000qznumberqz\ue000"
"""Stands in a mark where a call's number stands."""

CALLED = "\ue000qznameqz\ue000"
"""Stands in a mark where the name of what was called stands."""

_DIGITS = re.compile(r"[0-9]+")


def filled(mark: str, *, number: int = 0, name: str = "") -> str:
    """A mark with its slots filled."""
    return mark.replace(NUMBER, str(number)).replace(CALLED, name)


def pattern_of(mark: str) -> re.Pattern[str]:
    """What a mark looks like, whatever is in its slots; spaces around it left out."""
    parts = (re.escape(part) for part in mark.strip().split(NUMBER))
    return re.compile(r"[0-9]{1,6}".join(parts))


def counted(opening: str, second: str, third: str) -> tuple[str, str, int] | None:
    """What stands before the first and before each other item, with a slot for the item's number.

    Args:
        opening: before the first item.
        second: before the second.
        third: before the third.

    Returns:
        (before the first, before each other, the first number), the number being 0 where nothing is counted; None where
        the third differs from the second by more than a number.

    Example: `counted('[{"id": "0"', ', {"id": "1"', ', {"id": "2"')` gives `('[{"id": "N"', ', {"id": "N"', 0)`.
    """
    if second == third:
        return opening, second, 0
    for found in _DIGITS.finditer(second):
        number, after = int(found[0]), second[found.end() :]
        first = f"{number - 1}{after}"
        slotted = second[: found.start()] + NUMBER + after
        if number and third == filled(slotted, number=number + 1) and opening.endswith(first):
            return opening.removesuffix(first) + NUMBER + after, slotted, number - 1
    return None
