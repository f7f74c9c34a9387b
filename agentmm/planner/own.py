"""Weights of our own models off the disk, whole or not at all, and the processor beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentmm.errors import PlannerError
from agentmm.planner.foreign.weights import first_line, load_weights, quietly

_COPY = "copy the folder again, or train it anew: agentmm train nano"


def own_model(folder: Path, dtype: Any = None) -> Any:
    """The `MultimodalLM` that a folder holds.

    Args:
        folder: of exported weights.
        dtype: a torch dtype; float32 where None.

    Raises:
        PlannerError: its configuration or its weights cannot be read, or a tensor is missing or of another shape.
    """
    import torch

    from agentmm.model import MultimodalLM
    from agentmm.model.config import MultimodalConfig

    try:
        config = MultimodalConfig.from_pretrained(folder)
    except Exception as error:  # the file, or what it says of a component: each has errors of its own
        line = f"the model's configuration cannot be read: {first_line(error)}"
        raise PlannerError(line, got=str(folder), mend=_COPY) from error
    source = {"dtype": dtype or torch.float32, "use_safetensors": True}
    with quietly():
        model, _ = load_weights(MultimodalLM, str(folder), config, source)
    return model


def own_processor(folder: Path) -> Any:
    """The processor beside the weights of a model of ours.

    Raises:
        PlannerError: it, or its tokenizer, is missing or cannot be read.
    """
    from agentmm.model import MultimodalProcessor

    try:
        with quietly():
            return MultimodalProcessor.from_pretrained(folder)
    except Exception as error:  # as for the configuration
        line = f"the model's tokenizer or processor cannot be read: {first_line(error)}"
        raise PlannerError(line, got=str(folder), mend=_COPY) from error
