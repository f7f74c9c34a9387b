"""The scorer of every suite; it lies in `agentmm.world.score`, where `collect` labels its runs with it too."""

from agentmm.world.score import MOST_FURTHER_WORDS, UNANSWERABLE, is_right, normalise, numbers

__all__ = ["MOST_FURTHER_WORDS", "UNANSWERABLE", "is_right", "normalise", "numbers"]
