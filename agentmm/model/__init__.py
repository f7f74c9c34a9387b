"""The trainable multimodal LLM of five components; it knows nothing of tools, graphs, traces or messages.

Importing this package registers the model with transformers' AutoConfig, AutoProcessor, AutoImageProcessor and
AutoModelForImageTextToText.
"""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor

from agentmm.model.config import MultimodalConfig, load_preset, preset_names
from agentmm.model.multimodal import MultimodalLM
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.model.processing import CHAT_TEMPLATE, MultimodalProcessor, SquareImageProcessor
from agentmm.model.registry import SLOTS, component, component_names
from agentmm.model.tokenizer import SPECIALS, VOCAB_SIZE, train_tokenizer, wrap

AutoConfig.register("agentmm", MultimodalConfig, exist_ok=True)
AutoImageProcessor.register(MultimodalConfig, SquareImageProcessor, exist_ok=True)
AutoProcessor.register(MultimodalConfig, MultimodalProcessor, exist_ok=True)
AutoModelForImageTextToText.register(MultimodalConfig, MultimodalLM, exist_ok=True)

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
    "scale_pixels",
    "square_pixels",
    "train_tokenizer",
    "wrap",
]
