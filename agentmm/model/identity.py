"""Which weights these are: the identity that traces and preference pairs carry."""

from __future__ import annotations

import hashlib
from pathlib import Path


def weights_id(folder: Path) -> str:
    """Identity of saved weights: the first 16 hex digits of the SHA-256 of their file."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
