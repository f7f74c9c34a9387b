"""The shape of a family's wordings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wordings:
    """Templates of one family.

    Attributes:
        seen: used in training and in half of the test questions.
        unseen: used in tests alone.
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def every(self) -> tuple[str, ...]:
        """All templates, the seen ones first; the place in it is a template's number."""
        return self.seen + self.unseen


def worded(seen: str, unseen: str) -> Wordings:
    """Wordings from two blocks of text, one template a line."""
    return Wordings(_lines(seen), _lines(unseen))


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines() if line.strip())
