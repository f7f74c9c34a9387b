"""Processors whose call takes no sound, though the model hears (Voxtral's): windows of sound made by the extractor."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any


def hearing(processor: Any, model: Any) -> Any:
    """The processor itself, or one that takes sounds where its own call does not.

    Args:
        processor: the model's.
        model: the model; asked how many tokens a window becomes.
    """
    takes = inspect.signature(type(processor).__call__).parameters
    if getattr(processor, "feature_extractor", None) is None or "audio" in takes:
        return processor
    return Windows(processor, model)


class Windows:
    """Reads sounds in windows of the extractor's length, the last one filled up with silence.

    Args:
        processor: with `feature_extractor`, `tokenizer` and `audio_token`.
        model: with `get_audio_features`.
    """

    def __init__(self, processor: Any, model: Any) -> None:
        self.tokenizer, self.feature_extractor = processor.tokenizer, processor.feature_extractor
        self.audio_token = processor.audio_token
        self.tokens = self._counted(model)

    def __call__(self, text: Sequence[str], audio: Sequence[Any], **given: Any) -> dict[str, Any]:
        """Ids of texts that show one sound each, and the windows `[N, mels, frames]` of all of them."""
        import torch

        windows = [self._windows(samples) for samples in audio]
        spelled = [
            one.replace(self.audio_token, self.audio_token * (len(own) * self.tokens))
            for one, own in zip(text, windows, strict=True)
        ]
        ids = [self.tokenizer(one, add_special_tokens=False)["input_ids"] for one in spelled]
        return {"input_ids": ids, "input_features": torch.cat(windows)}

    def _windows(self, samples: Any) -> Any:
        """`[windows, mels, frames]` of a sound."""
        extractor = self.feature_extractor
        read = extractor(
            samples,
            sampling_rate=extractor.sampling_rate,
            padding=True,
            truncation=False,
            pad_to_multiple_of=extractor.n_samples,
            return_tensors="pt",
        )["input_features"][0]
        return read.unfold(1, extractor.nb_max_frames, extractor.nb_max_frames).transpose(0, 1).contiguous()

    def _counted(self, model: Any) -> int:
        """Tokens of one window, asked of the model."""
        import numpy as np
        import torch

        window = self._windows(np.zeros(1, np.float32)).to(model.device, model.dtype)
        with torch.inference_mode():
            return len(model.get_audio_features(window).pooler_output)
