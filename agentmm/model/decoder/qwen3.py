"""The Qwen3 backbone, as transformers implements it."""

from __future__ import annotations

from transformers.models.qwen3 import Qwen3ForCausalLM

from agentmm.model.config import MultimodalConfig


def build(config: MultimodalConfig) -> Qwen3ForCausalLM:
    """A decoder-only language model of the sizes in `config.text_config`, randomly initialised."""
    return Qwen3ForCausalLM(config.text_config)  # type: ignore[arg-type]  # declared as any config
