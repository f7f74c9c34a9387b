"""Read printed text: RapidOCR (PP-OCRv6, models inside its wheel), its boxes joined into rows in reading order."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import MissingExtra
from agentmm.media import Image, Region
from agentmm.tool import tool

_LOCK = threading.Lock()  # the engine keeps state between detection and recognition


class Lines(TypedDict):
    """How many lines there are, and each as a region in reading order."""

    count: int
    lines: list[Region]


@tool(extra="ocr", cost=0.4)
def read_text(image: Image, *, side_px: int = 640, threads: int = 2, least_score: float = 0.5) -> Lines:
    """Read all printed text, line by line in reading order.

    Args:
        image: a picture or a region with text.
        side_px: the shorter side that smaller pictures are enlarged to before text is searched.
        threads: CPU threads of one reading.
        least_score: lines below this confidence are dropped.
    """
    words = _words(image.pixels, side_px, threads, least_score)
    regions = [image.region(row.box, text=row.text, label="line", score=round(row.score, 3)) for row in rows(words)]
    return {"count": len(regions), "lines": regions}


@dataclass(frozen=True)
class Word:
    """A piece of text that the engine found.

    Attributes:
        corners: [4, 2] px, from the top left clockwise as the text runs.
        text: what it says.
        score: confidence, 0..1.
    """

    corners: NDArray[np.float64]
    text: str
    score: float


@dataclass(frozen=True)
class Row:
    """Words on one visual row: their axis-aligned box in px, their text, their least score."""

    box: tuple[float, float, float, float]
    text: str
    score: float


def rows(words: list[Word]) -> list[Row]:
    """Join words whose vertical overlap is above one half into rows; top to bottom, left to right.

    The words of a tilted page are compared in the frame that its text runs along.
    """
    if not words:
        return []
    turn = _unturn(_tilt(words))
    flat = [_Flat.of(word, turn) for word in words]
    groups: list[list[_Flat]] = []
    for piece in sorted(flat, key=lambda piece: (piece.top + piece.bottom, piece.left)):
        _join(groups, piece)
    groups.sort(key=lambda group: float(np.mean([piece.top + piece.bottom for piece in group])))
    return [_row(sorted(group, key=lambda piece: piece.left)) for group in groups]


@dataclass(frozen=True)
class _Flat:
    """A word's extent along and across the direction of the text."""

    word: Word
    left: float
    right: float
    top: float
    bottom: float

    @classmethod
    def of(cls, word: Word, turn: NDArray[np.float64]) -> _Flat:
        points = word.corners @ turn.T
        # the means of opposite corners: a slightly skewed box keeps the height of its text
        left, right = points[[0, 3], 0].mean(), points[[1, 2], 0].mean()
        top, bottom = points[[0, 1], 1].mean(), points[[2, 3], 1].mean()
        return cls(word, float(left), float(right), float(top), float(bottom))


def _tilt(words: list[Word]) -> float:
    """The angle of the text in radians: median of the words' top edges, long words first."""
    edges = np.array([word.corners[1] - word.corners[0] for word in words])
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    order = np.argsort(angles)
    weights = np.cumsum(lengths[order] ** 2)
    angle = float(angles[order][np.searchsorted(weights, weights[-1] / 2)])
    return angle if abs(angle) < math.radians(44) else 0.0


def _unturn(angle: float) -> NDArray[np.float64]:
    """[2, 2] rotation that makes text at `angle` level."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def _join(groups: list[list[_Flat]], piece: _Flat) -> None:
    """Add a piece to the row it overlaps most, or open a new one."""
    best, most = None, 0.5
    for group in groups:
        top, bottom = np.mean([p.top for p in group]), np.mean([p.bottom for p in group])
        overlap = min(bottom, piece.bottom) - max(top, piece.top)
        share = overlap / max(1e-6, min(bottom - top, piece.bottom - piece.top))
        if share > most and not any(_stacked(piece, other) for other in group):
            best, most = group, share
    if best is None:
        groups.append([piece])
    else:
        best.append(piece)


def _stacked(a: _Flat, b: _Flat) -> bool:
    """Whether two pieces lie above each other, so that they cannot share a row."""
    overlap = min(a.right, b.right) - max(a.left, b.left)
    return overlap > 0.5 * min(a.right - a.left, b.right - b.left)


def _row(group: list[_Flat]) -> Row:
    corners = np.concatenate([piece.word.corners for piece in group])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    text = " ".join(" ".join(piece.word.text for piece in group).split())
    box = (round(float(x0), 1), round(float(y0), 1), round(float(x1), 1), round(float(y1), 1))
    return Row(box, text, min(piece.word.score for piece in group))


def _words(pixels: NDArray[np.uint8], side_px: int, threads: int, least_score: float) -> list[Word]:
    """What the engine finds in a picture."""
    engine = _engine(side_px, threads)
    with _LOCK:
        found = engine(np.ascontiguousarray(pixels[:, :, ::-1]), text_score=least_score)
    if found.boxes is None or found.txts is None:
        return []
    height, width = pixels.shape[:2]
    words = []
    for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        inside = np.clip(np.asarray(corners, dtype=np.float64), 0, (width, height))
        if text.strip():
            words.append(Word(inside, text.strip(), float(score)))
    return words


@lru_cache(maxsize=4)
def _engine(side_px: int, threads: int) -> Any:
    """The engine, loaded once per setting; it reads its models from its own wheel."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtra("rapidocr", "ocr") from error
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.limit_side_len": side_px,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
