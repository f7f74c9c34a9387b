"""The same sound at another rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resampled(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """The same sound at another rate: a windowed-sinc low-pass where the rate falls, then linear interpolation.

    Args:
        samples: [N], -1..1.
        from_hz: their rate.
        to_hz: the wanted rate.

    Returns:
        [round(N * to_hz / from_hz)], at least one sample.
    """
    if from_hz == to_hz:
        return samples
    signal = samples.astype(np.float64)
    if to_hz < from_hz:
        signal = np.convolve(signal, _low_pass(0.45 * to_hz / from_hz), mode="same")[: len(signal)]
    count = max(1, round(len(samples) * to_hz / from_hz))
    at = np.arange(count) * (from_hz / to_hz)
    return np.interp(at, np.arange(len(signal)), signal).astype(np.float32)


def _low_pass(cut: float) -> NDArray[np.float64]:
    """[taps] Hamming-windowed sinc; `cut` in cycles per sample, below 0.5."""
    half = int(np.ceil(4 / cut))
    place = np.arange(-half, half + 1)
    taps = 2 * cut * np.sinc(2 * cut * place) * np.hamming(2 * half + 1)
    return taps / taps.sum()
