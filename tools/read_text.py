"""Read printed text: RapidOCR (PP-OCRv6, models inside its wheel), its boxes joined into rows in reading order.

Names that stand above their numbers, as below the bars of an upright chart, are told column by column.
"""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from agentmm.errors import MissingExtra
from agentmm.media import Image, Region
from agentmm.tool import tool

_LOCK = threading.Lock()  # the engine keeps state between detection and recognition
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d.,' ]*[%kKM€£$]?$")


class Lines(TypedDict):
    """How many lines there are, and each as a region in reading order."""

    count: int
    lines: list[Region]


@tool(pure=True, version="3", extra="ocr", cost=0.3)
def read_text(image: Image, *, side_px: int = 512, threads: int = 1, least_score: float = 0.5) -> Lines:
    """Read all printed text, line by line in reading order.

    Args:
        image: a picture or a region with text.
        side_px: the shorter side that smaller pictures are enlarged to before text is searched.
        threads: CPU threads of one reading; a second one gains little and spins while it waits.
        least_score: lines below this confidence are dropped.
    """
    words = _words(image.pixels, side_px, threads, least_score)
    found = rows(words, text_angle(image.pixels, words)) if words else []
    regions = [image.region(row.box, text=row.text, label="line", score=round(row.score, 3)) for row in found]
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


def rows(words: list[Word], angle: float = 0.0) -> list[Row]:
    """Join words whose vertical overlap is above one half into rows; top to bottom, left to right.

    A row of names whose numbers stand below them, one each, becomes a row for each name with its number.

    Args:
        words: in any order.
        angle: direction of the text in radians, clockwise; words are compared in the frame it runs along.

    Returns:
        The rows in reading order.
    """
    cos, sin = math.cos(angle), math.sin(angle)
    flat = [_Flat.of(word, np.array([[cos, sin], [-sin, cos]])) for word in words]
    groups: list[list[_Flat]] = []
    for piece in sorted(flat, key=lambda piece: (piece.top + piece.bottom, piece.left)):
        _join(groups, piece)
    groups.sort(key=lambda group: float(np.mean([piece.top + piece.bottom for piece in group])))
    return [_row(group) for group in _by_columns([sorted(group, key=lambda piece: piece.left) for group in groups])]


def _by_columns(groups: list[list[_Flat]]) -> list[list[_Flat]]:
    """Rows, those of names above numbers turned into one for each name; a table's rows stay as they are."""
    found: list[list[_Flat]] = []
    at = 0
    while at < len(groups):
        columns = _columns(groups[at], groups[at + 1]) if at + 1 < len(groups) else []
        if columns and at + 2 < len(groups) and _columns(groups[at], groups[at + 2]):
            columns = []  # several rows of numbers under the same names
        found += columns or [groups[at]]
        at += 2 if columns else 1
    return found


def _columns(names: list[_Flat], numbers: list[_Flat]) -> list[list[_Flat]]:
    """The names' words with the number below them, column by column; empty where these are no two such rows."""
    words, below = _split(names), _split(numbers)
    told = [bool(_NUMBER.match(piece.word.text)) for piece in (*below, *words)]
    if len(below) < 2 or told != [True] * len(below) + [False] * len(words):
        return []
    middles = np.array([piece.left + piece.right for piece in below]) / 2
    columns: list[list[_Flat]] = [[] for _ in below]
    for word in words:
        columns[int(np.argmin(np.abs(middles - (word.left + word.right) / 2)))].append(word)
    near = float(np.diff(middles).min()) / 3
    if not all(_above(name, number, near) for name, number in zip(columns, below, strict=True)):
        return []
    return [[*name, number] for name, number in zip(columns, below, strict=True)]


def _above(name: list[_Flat], number: _Flat, near: float) -> bool:
    """Whether the words of a name stand over a number, in the middle or from the left."""
    if not name or any(after.left - before.right > after.bottom - after.top for before, after in pairwise(name)):
        return False
    left, right = name[0].left, name[-1].right
    return abs(left + right - number.left - number.right) / 2 <= near or abs(left - number.left) <= near


def _split(group: list[_Flat]) -> list[_Flat]:
    """The pieces of a row cut at spaces, each part as wide as its letters are many."""
    parts: list[_Flat] = []
    for piece in group:
        text, wide = piece.word.text, piece.right - piece.left
        for found in re.finditer(r"\S+", text):
            start, end = (place / len(text) for place in found.span())
            first, last = piece.word.corners[[0, 3]], piece.word.corners[[1, 2]]
            left, right = first + (last - first) * start, first + (last - first) * end
            corners = np.array([left[0], right[0], right[1], left[1]])
            word = replace(piece.word, corners=corners, text=found.group())
            parts.append(replace(piece, word=word, left=piece.left + wide * start, right=piece.left + wide * end))
    return parts


def text_angle(pixels: NDArray[np.uint8], words: list[Word]) -> float:
    """The angle in radians, clockwise, at which the ink of all words falls into the sharpest rows.

    The words' own boxes only say where to look: those of small words are off by degrees, which is a line at page width.
    """
    edges = np.array([word.corners[1] - word.corners[0] for word in words])
    about = float(np.median(np.arctan2(edges[:, 1], edges[:, 0])))
    ink = _ink(pixels, words)
    if abs(about) > math.radians(44) or len(ink) < 50:
        return 0.0
    for reach, step in ((4.0, 0.5), (0.5, 0.1)):
        angles = about + np.radians(np.arange(-reach, reach + step / 2, step))
        about = float(angles[np.argmax([_sharpness(ink, angle) for angle in angles])])
    return about


def _ink(pixels: NDArray[np.uint8], words: list[Word], most: int = 20_000) -> NDArray[np.float32]:
    """[N, 2] places (x, y) in px of the pixels of letters, thinned evenly to about `most`."""
    grey = pixels.mean(axis=2)
    found = []
    for word in words:
        x0, y0 = np.floor(word.corners.min(axis=0)).astype(int)
        x1, y1 = np.ceil(word.corners.max(axis=0)).astype(int)
        part = grey[y0:y1, x0:x1]
        if part.size:
            dark = part < (float(part.min()) + float(part.max())) / 2
            rows_, columns = np.nonzero(dark if dark.mean() < 0.5 else ~dark)
            found.append(np.stack([columns + x0, rows_ + y0], axis=1))
    places = np.concatenate(found) if found else np.zeros((0, 2))
    return places[:: max(1, len(places) // most)].astype(np.float32)


def _sharpness(ink: NDArray[np.float32], angle: float) -> float:
    """How much the amount of ink changes from one pixel row to the next, at an angle."""
    height = ink[:, 1] * math.cos(angle) - ink[:, 0] * math.sin(angle)
    profile = np.bincount((height - height.min()).astype(np.int64))
    return float(np.square(np.diff(profile)).sum())


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
            "Rec.rec_img_shape": [3, 48, 64],  # narrow words are not padded to 320 px: half the time, equal text
            "Rec.rec_batch_num": 4,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
