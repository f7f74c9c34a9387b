"""Another sample rate for a clip: windowed-sinc interpolation, band-limited to the lower of the two rates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agentmm.errors import MediaError

_LOBES = 16  # zero crossings of the sinc on each side
_BLOCK = 1 << 14  # output samples at a time: bounds the memory, not the result


def resample(samples: npt.NDArray[np.float32], rate_hz: int, new_rate_hz: int) -> npt.NDArray[np.float32]:
    """Samples float32 [N] at `rate_hz` as float32 [ceil(N * new / old)] at `new_rate_hz`.

    Output sample n is the Hann-windowed sinc interpolation at time n / new_rate_hz, so times do not shift.

    Raises:
        MediaError: a rate below 1 Hz.
    """
    if min(rate_hz, new_rate_hz) < 1:
        raise MediaError("cannot resample", got=(rate_hz, new_rate_hz), expected="rates of at least 1 Hz")
    cutoff = min(1.0, new_rate_hz / rate_hz)
    reach = int(np.ceil(_LOBES / cutoff))
    padded = np.pad(samples.astype(np.float64), reach + 1)
    count = -(-samples.size * new_rate_hz // rate_hz)
    blocks = [
        _interpolate(padded, np.arange(first, min(first + _BLOCK, count)) * (rate_hz / new_rate_hz), cutoff, reach)
        for first in range(0, count, _BLOCK)
    ]
    return np.clip(np.concatenate(blocks), -1.0, 1.0).astype(np.float32)


def _interpolate(padded: np.ndarray, times: np.ndarray, cutoff: float, reach: int) -> np.ndarray:
    """Values at `times` [n], in input samples, from the zero-padded input."""
    whole = np.floor(times).astype(np.int64)
    offsets = np.arange(-reach, reach + 1)
    distances = offsets[None, :] - (times - whole)[:, None]
    window = np.cos(np.pi / 2 * np.clip(distances / (reach + 1), -1.0, 1.0)) ** 2
    weights = cutoff * np.sinc(cutoff * distances) * window
    return (padded[whole[:, None] + offsets[None, :] + reach + 1] * weights).sum(axis=1)
