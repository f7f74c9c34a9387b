"""What is said of a conversation that does not fit a model's context: what takes the most of it."""

from __future__ import annotations

from collections.abc import Mapping

from agentmm.errors import PlannerError

_LESS = {
    "tools": "fewer tools (--tools NAME,NAME)",
    "media": "fewer or smaller pictures or sounds",
    "words": "a shorter question or fewer turns",
}
"""What makes room, by what takes it."""

_ROOM = "a model with a longer context (in Python also a lower load_planner(NAME, max_tokens=...))"
"""What leaves more of a context; the command line keeps as much for an answer as the planner does by itself."""


def too_long(tokens: Mapping[str, int], tools: int, media: int, context: int, max_tokens: int) -> PlannerError:
    """The error of a conversation that leaves no room for an answer.

    Args:
        tokens: how many are for `tools`, for `media` and for `words`.
        tools: how many tools there are.
        media: how many pictures and sounds.
        context: most tokens that the model reads and writes.
        max_tokens: most tokens of an answer.
    """
    taken = {
        "tools": f"{tokens['tools']} for {_count(tools, 'tool', 'tools')}",
        "media": f"{tokens['media']} for {_count(media, 'picture or sound', 'pictures and sounds')}",
        "words": f"{tokens['words']} for words",
    }
    named = [said for part, said in taken.items() if tokens[part]]
    most = max(_LESS, key=lambda part: tokens[part])
    limit = context - max_tokens
    if limit > 0:
        expected, lower = f"at most {limit} ({context} less {max_tokens} for the answer)", f"or {_ROOM}"
    else:
        expected = f"at most {context} with the answer, for which {max_tokens} are kept"
        lower = f"and {_ROOM}"
    return PlannerError(
        "the conversation is longer than the planner's context",
        got=f"{sum(tokens.values())} tokens: {', '.join(named)}",
        expected=expected,
        mend=f"{_LESS[most]}, {lower}",
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
