"""Read QR codes and bar codes (EAN-8, EAN-13, UPC) with OpenCV's own detectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import MissingExtra
from agentmm.media import Image, Region
from agentmm.tool import tool

LONGEST_SIDE_PX = 2400
"""Pictures are never enlarged beyond it."""

_QUIET_PX = 16  # a white frame: codes that touch the picture's edge lack the quiet zone that detectors need


class Codes(TypedDict):
    """How many codes there are, and each as a region: its kind and what it says."""

    count: int
    codes: list[Region]


@tool(pure=True, version="2", extra="codes", cost=0.05)
def read_code(image: Image) -> Codes:
    """Read QR codes and bar codes.

    Args:
        image: a picture or a region with a code.
    """
    found = _search(image.pixels)
    found.sort(key=lambda code: (round(code.box[1] / 20), code.box[0]))
    regions = [
        image.region(code.box, text=f"{code.kind} {code.text}", label=code.kind, attributes={"content": code.text})
        for code in found
    ]
    return {"count": len(regions), "codes": regions}


_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Code:
    """A code: `qr` or the bar code's standard, its content, its box in px."""

    kind: str
    text: str
    box: _Box


def _search(pixels: NDArray[np.uint8]) -> list[_Code]:
    """Codes of the picture as it is, then enlarged, then smoothed, until every code that was seen is read."""
    found: list[_Code] = []
    for view, scale in _views(pixels):
        codes, unread = _decode(view, scale, pixels.shape[1], pixels.shape[0])
        found += [code for code in codes if not any(_overlap(code.box, other.box) for other in found)]
        if found and not unread:
            break
    return found


def _overlap(a: _Box, b: _Box) -> bool:
    """Whether two boxes share more than half of the smaller one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width > 0 and height > 0 and width * height > 0.5 * smaller


def _views(pixels: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Grey pictures with a quiet frame, and their scale."""
    cv2 = _opencv()
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    for scale in (1.0, 2.0, 3.0):
        if scale > 1 and max(grey.shape) * scale > LONGEST_SIDE_PX:
            return
        large = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, *(_QUIET_PX,) * 4, cv2.BORDER_CONSTANT, value=255)
        yield framed, scale
        if scale > 1:
            yield cv2.GaussianBlur(framed, (0, 0), 1.2), scale


def _decode(view: NDArray[np.uint8], scale: float, width: int, height: int) -> tuple[list[_Code], bool]:
    """The codes of one view, and whether some were seen that could not be read."""
    cv2 = _opencv()
    codes: list[_Code] = []
    unread = False
    for detector in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()):
        ok, texts, points, *_ = detector.detectAndDecodeMulti(view)
        if ok:
            new = [_code("qr", text, quad, scale, width, height) for text, quad in zip(texts, points, strict=True)]
            codes += [code for code in new if code.text and not any(_overlap(code.box, one.box) for one in codes)]
            unread |= any(not any(_overlap(code.box, one.box) for one in codes) for code in new)
    ok, texts, kinds, points = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(view)
    if ok:
        for text, kind, quad in zip(texts, kinds, points, strict=True):
            codes.append(_code(kind.lower().replace("_", ""), text, quad, scale, width, height))
    return [code for code in codes if code.text], unread


def _code(kind: str, text: str, quad: Any, scale: float, width: int, height: int) -> _Code:
    """One code with its box in pixels of the picture."""
    corners = (np.asarray(quad, dtype=np.float64).reshape(-1, 2) - _QUIET_PX) / scale
    corners = np.clip(corners, 0, (width, height)).round(1)
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return _Code(kind, " ".join(text.split()), (float(x0), float(y0), float(x1), float(y1)))


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra("opencv-python-headless", "codes") from error
    return cv2
