"""QR codes of versions 1 to 3 at error level M, as matrices of dark and light modules (ISO/IEC 18004)."""

from __future__ import annotations

import numpy as np

from agentmm.errors import ConfigError

DATA_BYTES = {1: 16, 2: 28, 3: 44}
CHECK_BYTES = {1: 10, 2: 16, 3: 26}
LEVEL_M = 0b00
FORMAT_MASK = 0b101010000010010
FORMAT_DIVISOR, FIELD_POLYNOMIAL = 0b10100110111, 0x11D


def qr_matrix(payload: str) -> np.ndarray:
    """The modules of a payload, bool `[N, N]`, true where dark, without the quiet zone.

    Raises:
        ConfigError: the payload has more than 42 bytes.
    """
    data = payload.encode("utf-8")
    version = next((v for v in DATA_BYTES if len(data) <= DATA_BYTES[v] - 2), None)
    if version is None:
        raise ConfigError("payload too long for a QR code", got=payload, expected="at most 42 bytes")
    words = _data_words(data, DATA_BYTES[version])
    words += check_words(words, CHECK_BYTES[version])
    fixed, dark = _function_patterns(version)
    _place(words, fixed, dark)
    masked = [_masked(dark, fixed, mask) for mask in range(8)]
    return min(masked, key=penalty)


def check_words(words: list[int], count: int) -> list[int]:
    """Reed-Solomon check bytes of a message over GF(256) with polynomial 0x11D."""
    divisor = [1]
    for power in range(count):
        divisor = [a ^ _times(b, _power(power)) for a, b in zip([*divisor, 0], [0, *divisor], strict=True)]
    rest = [*words, *([0] * count)]
    for index in range(len(words)):
        lead = rest[index]
        for offset, factor in enumerate(divisor):
            rest[index + offset] ^= _times(factor, lead)
    return rest[len(words) :]


def penalty(dark: np.ndarray) -> int:
    """How hard a masked code is to read: rules N1 to N4 of the standard."""
    lines = [*dark, *dark.T]
    runs = sum(length - 2 for line in lines for length in _runs(line) if length >= 5)
    blocks = dark[1:, 1:].astype(int) + dark[:-1, 1:] + dark[1:, :-1] + dark[:-1, :-1]
    text = ["".join("1" if module else "0" for module in line) for line in lines]
    finders = sum(line.count("10111010000") + line.count("00001011101") for line in text)
    share = int(abs(dark.mean() * 100 - 50) // 5)
    return runs + 3 * int(np.isin(blocks, (0, 4)).sum()) + 40 * finders + 10 * share


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a * (b & 1)
        a = (a << 1) ^ (FIELD_POLYNOMIAL if a & 0x80 else 0)
        b >>= 1
    return product


def _power(exponent: int) -> int:
    value = 1
    for _ in range(exponent):
        value = _times(value, 2)
    return value


def _data_words(data: bytes, count: int) -> list[int]:
    """Byte mode, length, payload, terminator and pad bytes."""
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    return words + [(0xEC, 0x11)[index % 2] for index in range(count - len(words))]


def _function_patterns(version: int) -> tuple[np.ndarray, np.ndarray]:
    """Which modules are fixed, and the dark ones among them."""
    size = 17 + 4 * version
    fixed, dark = np.zeros((size, size), bool), np.zeros((size, size), bool)
    fixed[6], fixed[:, 6] = True, True
    dark[6, ::2] = dark[::2, 6] = True
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        fixed[max(0, top - 1) : top + 8, max(0, left - 1) : left + 8] = True
        dark[max(0, top - 1) : top + 8, max(0, left - 1) : left + 8] = False
        dark[top : top + 7, left : left + 7] = _rings(7)
    fixed[:9, :9] = fixed[:9, size - 8 :] = fixed[size - 8 :, :9] = True
    dark[size - 8, 8] = True
    if version > 1:
        middle = size - 7
        fixed[middle - 2 : middle + 3, middle - 2 : middle + 3] = True
        dark[middle - 2 : middle + 3, middle - 2 : middle + 3] = _rings(5)
    return fixed, dark


def _rings(size: int) -> np.ndarray:
    """Square rings: dark border, light ring, dark middle."""
    square = np.ones((size, size), bool)
    square[1:-1, 1:-1] = False
    square[2:-2, 2:-2] = True
    return square


def _place(words: list[int], fixed: np.ndarray, dark: np.ndarray) -> None:
    """Write the bits in the zigzag of column pairs from the right, around the fixed modules."""
    bits = iter("".join(f"{word:08b}" for word in words))
    size = len(dark)
    columns = [column for column in range(size - 1, 0, -1) if column > 6] + list(range(5, 0, -1))
    for index, right in enumerate(columns[::2]):
        rows = range(size) if index % 2 else range(size - 1, -1, -1)
        for row in rows:
            for column in (right, right - 1):
                if not fixed[row, column]:
                    dark[row, column] = next(bits, "0") == "1"


def _masked(dark: np.ndarray, fixed: np.ndarray, mask: int) -> np.ndarray:
    """The code under one of the eight masks, with its format bits."""
    row, column = np.indices(dark.shape)
    flips = (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        row * column % 2 + row * column % 3,
        (row * column % 2 + row * column % 3) % 2,
        ((row + column) % 2 + row * column % 3) % 2,
    )
    result = dark ^ ((flips[mask] == 0) & ~fixed)
    _write_format(result, mask)
    return result


def _write_format(dark: np.ndarray, mask: int) -> None:
    """Both copies of the fifteen format bits, the most significant first."""
    value = LEVEL_M << 3 | mask
    rest = value << 10
    for shift in range(4, -1, -1):
        if rest >> (10 + shift) & 1:
            rest ^= FORMAT_DIVISOR << shift
    bits = [bit == "1" for bit in f"{(value << 10 | rest) ^ FORMAT_MASK:015b}"]
    size = len(dark)
    around = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(size - 1 - r, 8) for r in range(7)] + [(8, size - 8 + c) for c in range(8)]
    for places in (around, apart):
        for (row, column), bit in zip(places, bits, strict=True):
            dark[row, column] = bit


def _runs(line: np.ndarray) -> list[int]:
    """Lengths of the stretches of equal modules."""
    edges = np.flatnonzero(np.diff(line.astype(int))) + 1
    return np.diff(np.array([0, *edges.tolist(), len(line)])).tolist()
