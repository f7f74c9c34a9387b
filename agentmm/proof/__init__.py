"""Proofs about traces: replay (the same run without model and tools) and verify (ids, pixels, log-probs, masks)."""

from agentmm.proof.replay import Replayed, first_difference, replay
from agentmm.proof.report import Check, Report
from agentmm.proof.verify import verify

__all__ = ["Check", "Replayed", "Report", "first_difference", "replay", "verify"]
