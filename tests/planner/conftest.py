"""A tiny random planner, and the pictures of a run."""

import numpy as np
import pytest

from agentmm.media import Image, MediaStore


@pytest.fixture(scope="module")
def planner():
    """A planner with random weights and a tokenizer of 512 tokens."""
    torch = pytest.importorskip("torch")
    from agentmm.model import (
        MultimodalLM,
        MultimodalProcessor,
        SquareImageProcessor,
        load_preset,
        train_tokenizer,
        wrap,
    )
    from agentmm.planner.chat import ChatMM

    torch.manual_seed(0)
    torch.set_num_threads(1)
    texts = ['{"name": "detect", "arguments": {"image": "image_1", "what": "red circle"}}', "How many red circles?"] * 9
    tokenizer = wrap(train_tokenizer(texts, 512))
    model = MultimodalLM(load_preset("tiny", vocab_size=len(tokenizer))).eval()
    processor = MultimodalProcessor(SquareImageProcessor(model.config.image_size), tokenizer, model.config.image_tokens)
    return ChatMM(model=model, processor=processor, planner_name="tiny", max_tokens=24)


@pytest.fixture
def media(tmp_path, monkeypatch):
    """Handle to record of three pictures in a home of their own."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    store = MediaStore(tmp_path / "media")
    draw = np.random.default_rng(3)
    pictures = [Image(draw.integers(0, 256, (20, 30, 3), dtype=np.uint8)) for _ in range(3)]
    return {f"image_{i + 1}": store.add(picture) for i, picture in enumerate(pictures)}
