"""What flows through a graph: JSON types, messages and handles; one reducer a file. Knows no tool, node or planner."""

from agentmm.state.begin import begin
from agentmm.state.graph_state import Pending, State
from agentmm.state.media_reducer import merge_media
from agentmm.state.reading import calls_made, cut_off, last_ai, pending_calls, question_messages, with_own_ids
from agentmm.state.settings import Settings
from agentmm.state.tally import tally

__all__ = [
    "Pending",
    "Settings",
    "State",
    "begin",
    "calls_made",
    "cut_off",
    "last_ai",
    "merge_media",
    "pending_calls",
    "question_messages",
    "tally",
    "with_own_ids",
]
