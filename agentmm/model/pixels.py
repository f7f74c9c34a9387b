"""Images to the encoder's input: pad to a square, shrink, scale; the same numbers on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PAD = (128, 128, 128)


def square_pixels(image: Any, size: int) -> NDArray[np.uint8]:
    """Pad with grey to a square (the picture in the middle) and resize.

    Args:
        image: PIL image, or uint8 array [H, W, 3] RGB.
        size: side of the result in px.

    Returns:
        uint8 [size, size, 3].
    """
    from PIL import Image

    picture = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    picture = picture.convert("RGB")
    side = max(picture.size)
    if picture.width != picture.height:
        square = Image.new("RGB", (side, side), PAD)
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        picture = square
    if side != size:
        picture = picture.resize((size, size), Image.Resampling.BOX if side % size == 0 else Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.uint8)


def scale_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [..., S, S, 3] in 0..255 -> float32 [..., 3, S, S] in -1..1."""
    return np.moveaxis(pixels.astype(np.float32) / 127.5 - 1.0, -1, -3)


def scale_tensor(pixels: Any) -> Any:
    """What `scale_pixels` does, for a uint8 tensor on any device: [..., S, S, 3] -> float32 [..., 3, S, S]."""
    return (pixels.float() / 127.5 - 1.0).movedim(-1, -3)
