"""The trainable multimodal LLM of five components; it knows nothing of tools, graphs, traces or messages.

Importing this package registers configuration and model with transformers' Auto classes. The processor is registered
too where AutoProcessor is loaded already; else on first use of a processor name of this package, or by `register()`
(its imports, torchvision among them, cost seconds that a planner does not need).
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from transformers import AutoConfig, AutoModelForImageTextToText

from agentmm.model.config import MultimodalConfig, load_preset, preset_names
from agentmm.model.multimodal import MultimodalLM
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.model.registry import SLOTS, component, component_names

AutoConfig.register("agentmm", MultimodalConfig, exist_ok=True)
AutoModelForImageTextToText.register(MultimodalConfig, MultimodalLM, exist_ok=True)

_LAZY = {
    "CHAT_TEMPLATE": "processing",
    "MultimodalProcessor": "processing",
    "SquareImageProcessor": "processing",
    "SPECIALS": "tokenizer",
    "VOCAB_SIZE": "tokenizer",
    "train_tokenizer": "tokenizer",
    "wrap": "tokenizer",
}


def register() -> None:
    """Register the processor and the image processor with AutoProcessor and AutoImageProcessor."""
    importlib.import_module("agentmm.model.processing")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"agentmm.model.{_LAZY[name]}"), name)


if "transformers.models.auto.processing_auto" in sys.modules:
    register()

__all__ = [
    "CHAT_TEMPLATE",
    "SLOTS",
    "SPECIALS",
    "VOCAB_SIZE",
    "MultimodalConfig",
    "MultimodalLM",
    "MultimodalProcessor",
    "SquareImageProcessor",
    "component",
    "component_names",
    "load_preset",
    "preset_names",
    "register",
    "scale_pixels",
    "square_pixels",
    "train_tokenizer",
    "wrap",
]
