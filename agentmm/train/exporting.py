"""Trained weights to a folder that `from_pretrained` and `AutoProcessor` read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from agentmm.model import MultimodalLM
from agentmm.train.manifest import write_manifest


def export(model: MultimodalLM, tokenizer: Path, folder: Path, facts: dict[str, Any]) -> None:
    """Write a folder that `from_pretrained` and `AutoProcessor` read: half precision, with a manifest."""
    from tokenizers import Tokenizer

    from agentmm.model.processing import MultimodalProcessor, SquareImageProcessor
    from agentmm.model.tokenizer import wrap

    half: Any = copy.deepcopy(model)
    half.to("cpu", torch.float16).eval()
    half.save_pretrained(folder)
    images = SquareImageProcessor(model.config.image_size)
    processor = MultimodalProcessor(
        images, wrap(Tokenizer.from_file(str(tokenizer))), image_tokens=model.config.image_tokens
    )
    processor.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    write_manifest(folder, {**facts, "parameters": parameters})
