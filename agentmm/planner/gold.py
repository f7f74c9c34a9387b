"""Gold programs for questions in the practice world's wordings: what the scripted planner does without a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import HumanMessage

from agentmm.world.asking import match_question
from agentmm.world.families import FAMILIES
from agentmm.world.program import ProgramFactory, guarded


def gold_program(messages: Sequence[Any]) -> ProgramFactory | None:
    """A program for the last question, None where its wording is unknown.

    Args:
        messages: the conversation; where the last question brings no media, it is about the ones before.
    """
    asked = [message for message in messages if isinstance(message, HumanMessage)]
    if not asked:
        return None
    handles = next((found for message in reversed(asked) if (found := handles_in(message))), [])
    sounds = sum(handle.startswith("audio") for handle in handles)
    question = asked[-1].text
    found = match_question(question, len(handles) - sounds, sounds) or match_question(question, 0, 0)
    if found is None:
        return None
    family, slots = FAMILIES[found.family], found.slots
    return lambda: guarded(family.program(slots, handles))


def handles_in(message: HumanMessage) -> list[str]:
    """The handles of the media that a message brings, in order."""
    blocks = message.content if isinstance(message.content, list) else []
    named = [block.get("file_id") for block in blocks if isinstance(block, dict)]
    return [handle for handle in named if isinstance(handle, str)]
