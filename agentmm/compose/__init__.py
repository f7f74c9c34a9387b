"""How tools fit together: calls checked before they run, plans in parallel levels, compositions between modalities."""

from agentmm.compose.calls import check_call, check_plan
from agentmm.compose.drawing import draw
from agentmm.compose.modalities import find_compositions, modality_graph
from agentmm.compose.plans import PlannedCall, levels

__all__ = [
    "PlannedCall",
    "check_call",
    "check_plan",
    "draw",
    "find_compositions",
    "levels",
    "modality_graph",
]
