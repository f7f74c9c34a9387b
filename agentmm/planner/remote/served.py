"""What a server tells of tokens beside its words, as vLLM does: the prompt's ids, the completion's, log-probabilities.

Nothing of it is trusted: what is no list of ids counts as not told, and log-probabilities count only one for an id.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STREAM = "stream"
"""Key of a message's metadata that says how long the tokens up to its end are, and their digest."""


@dataclass(frozen=True)
class Served:
    """The tokens of one reply.

    Attributes:
        prompt_ids: ids of the whole prompt.
        completion_ids: ids of what the model wrote, the end token included where the server gives it.
        logp: log-probability of each; None where the server told none, or not one an id.
    """

    prompt_ids: list[int]
    completion_ids: list[int]
    logp: list[float] | None

    @classmethod
    def of(cls, metadata: Mapping[str, Any], counted: int | None = None) -> Served | None:
        """Out of a reply's metadata; None where it holds no ids that could be right.

        Args:
            metadata: `prompt_token_ids`, `token_ids` and `logprobs`.
            counted: how many tokens the server says it wrote: a stream may lack some.
        """
        prompt, wrote = _ids(metadata.get("prompt_token_ids")), _ids(metadata.get("token_ids"))
        if not prompt or not wrote or counted not in (None, len(wrote)):
            return None
        return cls(prompt, wrote, _logp(metadata.get("logprobs"), len(wrote)))

    @property
    def mark(self) -> list[Any]:
        """Length and digest of prompt and completion, by which the next step finds what is new to it."""
        ids = self.prompt_ids + self.completion_ids
        return [len(ids), digest(ids)]

    def new_since(self, mark: Any) -> list[int] | None:
        """The prompt's ids that the step of a mark did not have.

        Args:
            mark: what `mark` was then.

        Returns:
            None where the prompt does not begin with that step's tokens: the server's template wrote the turn otherwise
            than the model had.
        """
        if not isinstance(mark, Sequence) or len(mark) != 2 or not isinstance(mark[0], int):
            return None
        length, known = mark
        if not 0 < length < len(self.prompt_ids) or digest(self.prompt_ids[:length]) != known:
            return None
        return self.prompt_ids[length:]


def digest(ids: Sequence[int]) -> str:
    """SHA-256 (hex, 16 digits) of token ids."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]


def _ids(value: Any) -> list[int] | None:
    if not isinstance(value, list) or not all(type(entry) is int and entry >= 0 for entry in value):
        return None
    return value


def _logp(value: Any, count: int) -> list[float] | None:
    """Log-probabilities in OpenAI's form (`{"content": [{"logprob": -0.1}, ...]}`)."""
    content = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(content, list) or len(content) != count:
        return None
    found = [_number(entry.get("logprob") if isinstance(entry, Mapping) else None) for entry in content]
    return None if None in found else [value for value in found if value is not None]


def _number(value: Any) -> float | None:
    """A log-probability; None for what cannot be one."""
    good = type(value) in (int, float) and math.isfinite(value) and value <= 0
    return float(value) if good else None
