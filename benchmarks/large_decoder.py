"""Random planners whose decoder is large enough for its weights to be what a step waits for.

Weights are drawn where they stay and as they stay: nothing of them is made on the processor and copied to a GPU, and
nothing in half precision is made in float32 first. The vocabulary is nano's, so the sizes leave out what one of 150,000
tokens adds.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import torch

from agentmm.model import MultimodalConfig, MultimodalLM
from agentmm.planner.chat import ChatMM, load_local

CACHE_BYTES = (2**28, 2**34)
"""Bytes for sessions and what is being written: on the processor, on a GPU."""

PEAKS = {"H200": 4.8e12, "H100 80GB HBM3": 3.35e12}
"""Bytes a second between a device and its memory, as its maker says; by a part of its name."""


class Shape(NamedTuple):
    """Sizes of a decoder: width, layers, inner width of the MLP, query heads, key-value heads, width of a head."""

    width: int
    layers: int
    inner: int
    heads: int
    groups: int
    head: int


SIZES = {
    "1b": Shape(2048, 20, 6144, 16, 8, 128),
    "3b": Shape(2048, 36, 11008, 16, 2, 128),
    "7b": Shape(3584, 28, 18944, 28, 4, 128),
}
"""1.0, 2.8 and 6.5 thousand million parameters; the last two have the shapes of Qwen2.5 3B and 7B."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which decoder."""
    parser.add_argument("--size", choices=SIZES, help="of the large decoder, in place of width and layers")
    parser.add_argument("--width", type=int, help="of it: 1024, on a GPU 2048")
    parser.add_argument("--layers", type=int, help="of it: 10 of 14 M parameters each, on a GPU 20 of 50 M")
    parser.add_argument("--dtype", help="of its weights: float32, on a GPU bfloat16")


def chosen(options: argparse.Namespace) -> tuple[Shape, str]:
    """The shape and the precision that the options name."""
    gpu = options.device != "cpu"
    if options.size and (options.width or options.layers):
        raise SystemExit("--size says the width and the layers: give it or them, not both")
    shape = SIZES[options.size] if options.size else shaped(options.width or (1024, 2048)[gpu], options.layers, gpu)
    return shape, options.dtype or ("float32", "bfloat16")[gpu]


def shaped(width: int, layers: int | None, gpu: bool) -> Shape:
    """A shape in Qwen3's proportions."""
    head = 64 if width <= 1024 else 128
    return Shape(width, layers or (10, 20)[gpu], 3 * width, width // head, width // head // 2, head)


def large(shape: Shape, dtype: str, device: str, tokens: int = 24, **fields: Any) -> ChatMM:
    """A random planner of nano's eyes, tokenizer and vocabulary.

    In float32 its weights are rounded to float16, as a checkpoint saved in it is.
    """
    nano = load_local("nano", device="cpu")
    text = nano.model.config.text_config.to_dict() | {
        "hidden_size": shape.width, "intermediate_size": shape.inner, "num_hidden_layers": shape.layers,
        "head_dim": shape.head, "num_attention_heads": shape.heads, "num_key_value_heads": shape.groups,
        "layer_types": None,
    }  # fmt: skip
    torch.manual_seed(0)
    config = MultimodalConfig(nano.model.config.components, text, nano.model.config.image_token_id)
    before, kind = torch.get_default_dtype(), getattr(torch, dtype)
    torch.set_default_dtype(kind)
    try:
        with torch.device(device):
            model = MultimodalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    if kind == torch.float32:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.half())
    return ChatMM(
        model=model, processor=nano.processor, planner_name="large", max_tokens=tokens, think=False,
        cache_bytes=CACHE_BYTES[device != "cpu"], **fields,
    )  # fmt: skip


def parameters_of(chat: ChatMM) -> str:
    """How many parameters a planner has, as it is told."""
    return f"{sum(parameter.numel() for parameter in chat.model.parameters()) / 1e6:.0f} M parameters"


def bytes_read(decoder: Any, rows: int, positions: int) -> int:
    """Bytes that a step must bring from memory: the weights once, keys and values of each sequence.

    Args:
        decoder: its table of embeddings counts only where it is the head as well; a step reads a few lines of it.
        rows: sequences.
        positions: of each, so far.
    """
    config, table = decoder.config, decoder.get_input_embeddings().weight
    weights = sum(parameter.numel() for parameter in decoder.parameters())
    weights -= 0 if table is decoder.get_output_embeddings().weight else table.numel()
    cached = 2 * rows * positions * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    return (weights + cached) * table.element_size()


def peak_of(device: torch.device) -> float | None:
    """Bytes a second that a device's memory gives at most, as its maker says; None where that is not known here."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAKS.items() if part in name), None)
