"""Make a picture from words with any diffusers pipeline."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from agentmm.errors import ConfigError, MissingExtra, ToolError
from agentmm.media import Image
from agentmm.tool import tool

_LOCK = threading.Lock()  # a pipeline keeps its scheduler's state between steps


@tool(pure=True, extra="imagine", cost=30.0)
def imagine(
    prompt: str, *, pipeline: str = "", seed: int = 0, steps: int = 20, side_px: int = 0, device: str = "cpu"
) -> dict[str, Image]:
    """Make a picture from words.

    Args:
        prompt: what it shows.
        pipeline: folder or hub name of a diffusers text-to-image pipeline.
        seed: equal seeds and prompts give equal pictures.
        steps: denoising steps.
        side_px: width and height; 0 for the pipeline's own.
        device: where it runs.
    """
    if not pipeline:
        mend = 'load_tool("imagine", pipeline="FOLDER_OR_NAME")'
        raise ToolError("no picture maker is configured", expected="a diffusers pipeline", mend=mend)
    maker = _pipeline(pipeline, device)
    import torch

    size = {"width": side_px, "height": side_px} if side_px else {}
    with _LOCK:
        chance = torch.Generator("cpu").manual_seed(seed)
        made = maker(prompt, num_inference_steps=steps, generator=chance, output_type="np", **size).images[0]
    return {"image": Image((np.asarray(made).clip(0, 1) * 255).round().astype(np.uint8))}


@lru_cache(maxsize=1)
def _pipeline(name: str, device: str) -> Any:
    """The pipeline, loaded once from safetensors alone, without its progress bar."""
    try:
        from diffusers.pipelines.auto_pipeline import AutoPipelineForText2Image
        from diffusers.pipelines.pipeline_utils import DiffusionPipeline
    except ImportError as error:
        raise MissingExtra("diffusers", "imagine") from error
    try:
        loaded = _load(AutoPipelineForText2Image, DiffusionPipeline, name)
    except Exception as error:
        raise ConfigError(
            f"cannot load the pipeline: {type(error).__name__}: {error}", got=name, expected="a diffusers pipeline"
        ) from error
    loaded.set_progress_bar_config(disable=True)
    return loaded.to(device)


def _load(auto: Any, general: Any, name: str) -> Any:
    """A text-to-image pipeline; other pipelines that make pictures from a prompt load as what they are."""
    try:
        return auto.from_pretrained(name, use_safetensors=True)
    except ValueError:
        return general.from_pretrained(name, use_safetensors=True)
