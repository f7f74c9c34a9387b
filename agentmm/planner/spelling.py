"""Names as the question spells them: a small planner looks up what it was asked for by the tokens it was asked in.

People type `quito` where the chart prints `Quito`, and the pieces of the two are other tokens. So a result is shown to
such a planner with the question's spelling, and its answer is given back with the printed one.
"""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"(\s*(?:\[\w+\]|</?think>)\s*)")
_WORD = re.compile(r"(?<!\w)[^\W_]{2,}(?!\w)")


class Spelling:
    """What a question spells in lower case, and how results print it; follows a conversation in order."""

    def __init__(self) -> None:
        self._asked: frozenset[str] = frozenset()
        self._printed: dict[str, str] = {}
        self._told: list[str] = []

    def ask(self, text: str) -> None:
        """A question begins: from now on results are shown in its spelling."""
        self._asked = frozenset(word for word in _WORD.findall(text) if word == word.lower())
        self._printed, self._told = {}, []

    def as_asked(self, text: str) -> str:
        """A text with each word in lower case that the question has in lower case; `Quito 179` -> `quito 179`."""
        self._told.append(text)
        return _WORD.sub(self._lowered, text)

    def as_printed(self, text: str) -> str:
        """A text with such words as results printed them, `quito` -> `Quito`; a phrase as it stands in a result.

        Citations and thoughts part phrases. Of several spellings of a word alone it is the first that was printed.
        """
        return "".join(self._as_printed(part) for part in _BETWEEN.split(text))

    def _as_printed(self, phrase: str) -> str:
        if not any(word in self._printed for word in _WORD.findall(phrase)):
            return phrase
        whole = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)", re.IGNORECASE)
        found = next(filter(None, map(whole.search, self._told)), None)
        return found[0] if found else _WORD.sub(lambda word: self._printed.get(word[0], word[0]), phrase)

    def _lowered(self, word: re.Match[str]) -> str:
        lower = word[0].lower()
        if lower == word[0] or lower not in self._asked:
            return word[0]
        self._printed.setdefault(lower, word[0])
        return lower
