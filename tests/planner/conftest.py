"""A tiny random planner, and the pictures of a run."""

import numpy as np
import pytest

from agentmm.media import Image, MediaStore


@pytest.fixture(scope="module")
def planner():
    """A planner with random weights and a tokenizer of 512 tokens."""
    pytest.importorskip("torch")
    from tests.planner.kit import tiny

    return tiny()


@pytest.fixture
def media(tmp_path, monkeypatch):
    """Handle to record of three pictures in a home of their own."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    store = MediaStore(tmp_path / "media")
    draw = np.random.default_rng(3)
    pictures = [Image(draw.integers(0, 256, (20, 30, 3), dtype=np.uint8)) for _ in range(3)]
    return {f"image_{i + 1}": store.add(picture) for i, picture in enumerate(pictures)}
