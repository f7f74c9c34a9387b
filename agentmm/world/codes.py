"""Pictures of QR codes and EAN-13 bar codes on paper, with what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agentmm.errors import ConfigError
from agentmm.world.documents import degrade
from agentmm.world.documents.page import Box
from agentmm.world.documents.sheet import Color, darker, draw_paper
from agentmm.world.documents.words import GOODS, NAMES, PLACES, chance, pick, random_word, whole, word
from agentmm.world.documents.words import code as random_code
from agentmm.world.qr import qr_matrix

CodeKind = Literal["qr", "ean13"]
KINDS: tuple[CodeKind, ...] = ("qr", "ean13")
EAN_ODD = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
EAN_PARITY = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO")
EAN_BAR_MODULES = 50
QUIET_MODULES = {"qr": 4, "ean13": 11}


@dataclass(frozen=True)
class CodePicture:
    """A picture of one code.

    Attributes:
        kind: `qr` or `ean13`.
        payload: what it says; 13 digits for `ean13`.
        pixels: uint8 `[H, W, 3]` RGB.
        box: xyxy px around the code on the finished picture.
        module_px: width of the narrowest bar in px before the tilt.
        tilt_degrees: counter-clockwise turn.
        blur_px: sigma of the blur in px.
        jpeg_quality: quality of the JPEG round trip.
    """

    kind: CodeKind
    payload: str
    pixels: np.ndarray
    box: Box
    module_px: int
    tilt_degrees: float
    blur_px: float
    jpeg_quality: int


def make_code(rng: np.random.Generator, kind: CodeKind | None = None, payload: str | None = None) -> CodePicture:
    """A code on paper with a margin, a little blurred and tilted within 12 degrees.

    Args:
        rng: where the randomness comes from.
        kind: `qr` or `ean13`; random if not told.
        payload: what it says; random if not told.

    Raises:
        ConfigError: the kind is unknown, or the payload does not fit it.
    """
    kind = pick(rng, KINDS) if kind is None else kind
    if kind not in KINDS:
        raise ConfigError("unknown kind of code", got=kind, expected="qr or ean13")
    payload = draw_payload(rng, kind) if payload is None else payload
    modules = qr_matrix(payload) if kind == "qr" else np.tile(ean13_modules(payload), (EAN_BAR_MODULES, 1))
    module_px = whole(rng, 4, 7) if kind == "qr" else whole(rng, 2, 3)
    paper, quiet = draw_paper(rng), QUIET_MODULES[kind]
    left, right = ((quiet + whole(rng, 0, 6)) * module_px for _ in range(2))
    top, bottom = ((quiet + whole(rng, 0, 6)) * module_px for _ in range(2))
    page, box = _on_paper(modules, module_px, (left, top, right, bottom), paper)
    # never quite level and sharp, as no photograph is: OpenCV misses bars that fall exactly on pixel columns
    widest = (12.0 if kind == "qr" else 6.0) if chance(rng, 0.5) else 2.0
    tilt_degrees = round(widest * (2 * float(rng.random()) - 1), 2)
    blur_px = round(module_px * (0.1 + 0.2 * float(rng.random())), 2)
    quality = whole(rng, 40, 95)
    turned = degrade.tilt(page, tilt_degrees, darker(paper))
    pixels = degrade.jpeg(degrade.blur(turned, blur_px), quality)
    turned_box = degrade.turned_box(box, page.shape[1], page.shape[0], tilt_degrees)
    return CodePicture(kind, payload, pixels, turned_box, module_px, tilt_degrees, blur_px, quality)


def draw_payload(rng: np.random.Generator, kind: CodeKind) -> str:
    """What a random code says: a word, a code, a short address, or the 13 digits of an article."""
    if kind == "ean13":
        digits = "".join(str(whole(rng, 0, 9)) for _ in range(12))
        return digits + str(ean13_check_digit(digits))
    style = whole(rng, 0, 3)
    if style == 0:
        return random_code(rng)
    if style == 1:
        return f"shop.example/{random_word(rng).lower()}"
    if style == 2:
        return f"{pick(rng, NAMES)} {whole(rng, 2, 99)}"
    return word(rng, (*GOODS, *PLACES)).upper()


def ean13_check_digit(digits: str) -> int:
    """The thirteenth digit: what brings 1, 3, 1, 3, ... times the digits to a multiple of ten."""
    return -sum(int(digit) * (1, 3)[index % 2] for index, digit in enumerate(digits)) % 10


def ean13_modules(payload: str) -> np.ndarray:
    """The 95 bars and gaps of an article number, bool `[95]`, true where dark.

    Raises:
        ConfigError: the payload is not 13 digits with a right check digit.
    """
    if len(payload) != 13 or not payload.isdecimal() or ean13_check_digit(payload[:12]) != int(payload[12]):
        raise ConfigError("not an article number", got=payload, expected="13 digits, the last one the check digit")
    parity = EAN_PARITY[int(payload[0])]
    left = "".join(_ean_digit(digit, side) for digit, side in zip(payload[1:7], parity, strict=True))
    right = "".join(_ean_digit(digit, "R") for digit in payload[7:])
    return np.array([bit == "1" for bit in f"101{left}01010{right}101"])


def _ean_digit(digit: str, side: str) -> str:
    """Seven modules: odd parity on the left, its inverse on the right, that one mirrored for even parity."""
    odd = EAN_ODD[int(digit)]
    inverse = "".join("10"[int(bit)] for bit in odd)
    return {"O": odd, "R": inverse, "E": inverse[::-1]}[side]


def _on_paper(
    modules: np.ndarray, module_px: int, margin: tuple[int, int, int, int], paper: Color
) -> tuple[np.ndarray, Box]:
    """The code at its size on a sheet with margins (left, top, right, bottom px), and its box."""
    left, top, right, bottom = margin
    drawn = modules.repeat(module_px, 0).repeat(module_px, 1)
    height, width = drawn.shape
    page = np.empty((top + height + bottom, left + width + right, 3), np.uint8)
    page[:] = paper
    page[top : top + height, left : left + width][drawn] = (15, 15, 15)
    return page, (float(left), float(top), float(left + width), float(top + height))
