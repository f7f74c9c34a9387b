"""Tilt, blur and JPEG in whole numbers, so that a page has the same pixels on every machine."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from agentmm.world.documents.page import Box

FRACTION_BITS = 16
WEIGHT_BITS = 7


def tilt(pixels: np.ndarray, degrees: float, fill: tuple[int, int, int]) -> np.ndarray:
    """The picture turned counter-clockwise about its middle on a canvas that holds all of it.

    Args:
        pixels: uint8 `[H, W, 3]`.
        degrees: the turn; 0 gives the picture back.
        fill: RGB outside the page.
    """
    if degrees == 0:
        return pixels
    height, width = pixels.shape[:2]
    new_width, new_height = turned_size(width, height, degrees)
    cos, sin = _turn(degrees)
    x, y = np.meshgrid(np.arange(new_width, dtype=np.int64), np.arange(new_height, dtype=np.int64))
    across, down = 2 * x - (new_width - 1), 2 * y - (new_height - 1)
    half = FRACTION_BITS + 1
    source_x = ((cos * across - sin * down) >> (half - WEIGHT_BITS)) + ((width - 1) << (WEIGHT_BITS - 1))
    source_y = ((sin * across + cos * down) >> (half - WEIGHT_BITS)) + ((height - 1) << (WEIGHT_BITS - 1))
    return _bilinear(pixels, source_x, source_y, fill)


def turned_size(width: int, height: int, degrees: float) -> tuple[int, int]:
    """Width and height of the canvas that holds a turned picture."""
    cos, sin = (abs(part) for part in _turn(degrees))
    one = 1 << FRACTION_BITS
    return -(-(width * cos + height * sin) // one), -(-(width * sin + height * cos) // one)


def turned_box(box: Box, width: int, height: int, degrees: float) -> Box:
    """The upright box around a box of the picture after `tilt`."""
    if degrees == 0:
        return box
    new_width, new_height = turned_size(width, height, degrees)
    cos, sin = (part / (1 << FRACTION_BITS) for part in _turn(degrees))
    corners = [(x - width / 2, y - height / 2) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs = [cos * x + sin * y + new_width / 2 for x, y in corners]
    ys = [-sin * x + cos * y + new_height / 2 for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def blur(pixels: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian blur of uint8 `[H, W, 3]`; below 0.2 px the picture comes back as it is."""
    if sigma_px < 0.2:
        return pixels
    weights = gaussian(sigma_px)
    return _convolve(_convolve(pixels, weights, 0), weights, 1)


def gaussian(sigma_px: float) -> list[int]:
    """Whole weights of a Gaussian that add up to 4096."""
    radius = max(1, math.ceil(3 * sigma_px))
    bell = [math.exp(-0.5 * (offset / sigma_px) ** 2) for offset in range(-radius, radius + 1)]
    weights = [round(4096 * part / sum(bell)) for part in bell]
    weights[radius] += 4096 - sum(weights)
    return weights


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The picture after it was saved as JPEG and read back."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2 if quality < 75 else 0)
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def _turn(degrees: float) -> tuple[int, int]:
    """Cosine and sine in units of 1/65536; whole, because libraries differ in the last bit."""
    angle, one = math.radians(degrees), 1 << FRACTION_BITS
    return round(math.cos(angle) * one), round(math.sin(angle) * one)


def _bilinear(pixels: np.ndarray, x: np.ndarray, y: np.ndarray, fill: tuple[int, int, int]) -> np.ndarray:
    """Pixels at fixed-point places `x`, `y` `[H, W]`; places outside get `fill`."""
    one = 1 << WEIGHT_BITS
    padded = np.empty((pixels.shape[0] + 2, pixels.shape[1] + 2, 3), np.int32)
    padded[:] = fill
    padded[1:-1, 1:-1] = pixels
    x = np.clip(x + one, 0, (padded.shape[1] - 2) * one + one - 1)
    y = np.clip(y + one, 0, (padded.shape[0] - 2) * one + one - 1)
    left, top = x >> WEIGHT_BITS, y >> WEIGHT_BITS
    right_weight, low_weight = (x & (one - 1))[..., None], (y & (one - 1))[..., None]
    upper = padded[top, left] * (one - right_weight) + padded[top, left + 1] * right_weight
    lower = padded[top + 1, left] * (one - right_weight) + padded[top + 1, left + 1] * right_weight
    mixed = upper * (one - low_weight) + lower * low_weight
    return ((mixed + (1 << (2 * WEIGHT_BITS - 1))) >> (2 * WEIGHT_BITS)).astype(np.uint8)


def _convolve(pixels: np.ndarray, weights: list[int], axis: int) -> np.ndarray:
    radius = len(weights) // 2
    pad = [(radius, radius) if dim == axis else (0, 0) for dim in range(3)]
    padded = np.pad(pixels, pad, mode="edge").astype(np.int32)
    size = pixels.shape[axis]
    total = np.full(pixels.shape, 2048, np.int32)
    for offset, weight in enumerate(weights):
        total += weight * np.take(padded, range(offset, offset + size), axis=axis)
    return (total >> 12).astype(np.uint8)
