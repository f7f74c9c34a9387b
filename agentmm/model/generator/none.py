"""No generator: the model writes text only."""

from __future__ import annotations

from agentmm.model.config import MultimodalConfig


def build(config: MultimodalConfig) -> None:
    """Nothing to build."""
    return None
