"""Which weights these are: the identity that traces and preference pairs carry."""

from __future__ import annotations

from pathlib import Path

from agentmm.media.opening import file_sha


def weights_id(folder: Path) -> str:
    """Identity of saved weights: the first 16 hex digits of the SHA-256 of their file."""
    return file_sha(folder / "model.safetensors")[:16]
