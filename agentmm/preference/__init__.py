"""Preferences: two continuations of one prefix, found in traces; rows that training reads."""

from agentmm.preference.outcome import outcome_pairs
from agentmm.preference.pair import PreferencePair, Side
from agentmm.preference.rows import read_rows, to_conversations, to_row, write_rows

__all__ = ["PreferencePair", "Side", "outcome_pairs", "read_rows", "to_conversations", "to_row", "write_rows"]
