"""Log-probabilities of a recorded conversation by one plain forward pass: no cache, float32, images encoded anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentmm.media import Image, MediaStore

if TYPE_CHECKING:
    from agentmm.proof.reading import Stream


def completion_logps(stream: Stream, store: MediaStore, planner: Any, *, blank: bool = False) -> list[list[float]]:
    """Log-probabilities of each step's completion tokens, nats.

    Args:
        stream: the trace as one row of tokens.
        store: its media.
        planner: a `ChatMM`.
        blank: show grey pictures in place of the real ones.
    """
    import torch

    model = planner.model.eval()
    ids = torch.tensor([stream.recorded], device=model.device)
    pixels = _pixels(stream, store, model, blank)
    with torch.inference_mode():
        logits = model(input_ids=ids, pixel_values=pixels, use_cache=False).logits[0, :-1].float()
        logps = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0].tolist()
    return [logps[start - 1 : end - 1] for start, end in stream.spans]


def _pixels(stream: Stream, store: MediaStore, model: Any, blank: bool) -> Any:
    """[N, 3, S, S] pixels of the images in reading order; None where there are none."""
    import numpy as np
    import torch

    from agentmm.model.pixels import scale_pixels, square_pixels

    size, rows = model.config.image_size, []
    for sha in stream.media:
        image = store.get(sha)
        assert isinstance(image, Image)
        pixels = square_pixels(image.pixels, size)
        rows.append(np.full_like(pixels, 128) if blank else pixels)
    if not rows:
        return None
    return torch.from_numpy(scale_pixels(np.stack(rows))).to(model.device, model.dtype)
