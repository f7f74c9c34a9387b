"""Many boxes at once, as arrays: how far they overlap, and which of them say the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def overlap(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of xyxy boxes: [n, 4] and [m, 4] -> [n, m]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inner = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return inner / np.maximum(area_a[:, None] + area_b[None] - inner, 1e-9)


def distinct(boxes: Boxes, iou: float) -> list[int]:
    """Numbers of the boxes [n, 4], surest first, that overlap no kept one by more than `iou`."""
    clash = overlap(boxes, boxes) > iou
    kept: list[int] = []
    for index in range(len(boxes)):
        if not clash[index, kept].any():
            kept.append(index)
    return kept
