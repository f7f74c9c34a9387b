"""Guesses of the tokens that come next: what the grammar leaves no choice in, then what stands in the context already.

A guess costs little, since the model reads its weights once for all of a step's tokens, and it never decides: the model
has the last word on every token (`agentmm.planner.writing`). Copying is "prompt lookup decoding" (Saxena, 2023).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Any

LONGEST = 4
"""Longest run of last tokens that is looked for, and so the most that is copied: as many tokens as were found again."""


class Guesses:
    """What may come next after a prompt and what was written after it.

    Args:
        ids: token ids of the prompt.
        ends: the tokens that end a completion; nothing is guessed from there on.
        shortest: shortest run of last tokens that is looked for; beyond `LONGEST` nothing is copied.
    """

    def __init__(self, ids: Sequence[int], ends: Collection[int], shortest: int = 1) -> None:
        self._prompt, self._ends, self._shortest = _text(ids), ends, shortest

    def after(self, written: Sequence[int], constraint: Any, most: int) -> list[int]:
        """Guess the tokens that follow.

        Args:
            written: token ids after the prompt so far, all taken by the constraint.
            constraint: the grammar's, or None.
            most: most tokens to guess.
        """
        if most <= 0:
            return []
        forced = constraint.ahead() if constraint is not None else []
        context = self._prompt + _text([*written, *forced])
        tokens = [*forced, *map(ord, copied(context, shortest=self._shortest))][:most]
        tokens = list(takewhile(lambda token: token not in self._ends, tokens))
        return tokens[: constraint.fitting(tokens)] if constraint is not None else tokens


def copied(text: str, longest: int = LONGEST, shortest: int = 1) -> str:
    """What followed the last place where the text's end stood before, as long as the part of the end that stood there.

    `abcabd-ab` -> `d-`: its last two, `ab`, stood before `d-`; `xab-ab`, looked for as `b` alone -> `-`.
    """
    for length in range(min(longest, len(text) - 1), shortest - 1, -1):
        at = text.rfind(text[-length:], 0, len(text) - 1)
        if at >= 0:
            return text[at + length : at + 2 * length]
    return ""


def _text(ids: Sequence[int]) -> str:
    """Token ids as characters: strings are searched in no time."""
    return "".join(map(chr, ids))
