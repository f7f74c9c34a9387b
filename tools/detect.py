"""Find things in a picture: the small detector of shapes that ships here, or any ultralytics weights.

Labels come from the network; colour and size are measured in the picture, so they hold for any network.
Ultralytics and the weights are AGPL-3.0 and sit behind the extra `detect`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from agentmm.media import Image, Region
from agentmm.tool import tool
from agentmm.tool.colour import PALETTE, colour_index
from agentmm.tools._networks import Finding, load_network

SIZES = {"small": 35 / 256, "medium": 64 / 256, "large": float("inf")}
"""Upper bound of each size word: mean box side as a share of the picture's shorter side."""

LISTED = 12
"""At most so many things are listed; the count is of all."""

_SAME = {
    "gray": "grey", "violet": "purple", "big": "large", "huge": "large", "little": "small", "tiny": "small",
    "mid": "medium", "disc": "circle", "disk": "circle", "plus": "cross", "people": "person", "men": "person",
}  # fmt: skip
_EMPTY = frozenset(
    ["a", "an", "the", "all", "any", "of", "in", "on", "this", "that", "is", "are", "there", "shape", "object", "thing"]
)
_SPLIT = re.compile(r"\s*(?:,|;|/|\+|\band\b|\bor\b)\s*")


class Things(TypedDict):
    """How many things match, what they are, and each as a region from left to right."""

    count: int
    labels: NotRequired[dict[str, int]]
    colours: NotRequired[dict[str, int]]
    unknown: NotRequired[list[str]]
    found: list[Region]


@tool(pure=True, extra="detect", cost=0.05, version="1")
def detect(image: Image, what: str = "", *, weights: str = "", confidence: float = 0.0, threads: int = 2) -> Things:
    """Find and count things; `what` keeps some of them, such as "large red circles".

    Args:
        image: a picture or a region.
        what: words of label, colour and size; empty for everything with tallies.
        weights: ultralytics weights (path, or name under `$AGENTMM_HOME/weights`); empty for the shapes detector.
            A `.pt` file is unpickled by ultralytics: name only files that you trust.
        confidence: lowest score, 0..1; 0 for the network's own.
        threads: CPU threads of one search.
    """
    network = load_network(weights)
    things = _seen(image, network.find(image.pixels, confidence, threads))
    if not what.strip():
        return _told(things, tally=True)
    wishes, unknown = read_wishes(what, network.labels)
    kept = [] if unknown else [thing for thing in things if any(wish.fits(thing) for wish in wishes)]
    told = _told(kept, tally=False)
    return {"count": 0, "unknown": unknown, "found": []} if unknown else told


def _told(things: list[Region], tally: bool) -> Things:
    if not tally:
        return {"count": len(things), "found": things[:LISTED]}
    labels, colours = (
        dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
        for names in ([t.label for t in things], [t.attributes["colour"] for t in things])
    )
    return {"count": len(things), "labels": labels, "colours": colours, "found": things[:LISTED]}


@dataclass(frozen=True)
class Wish:
    """What one part of `what` asks for; an empty set asks for nothing."""

    labels: frozenset[str]
    colours: frozenset[str]
    sizes: frozenset[str]

    def fits(self, thing: Region) -> bool:
        """Whether a thing has all that is asked."""
        pairs = (
            (self.labels, thing.label.lower()),
            (self.colours, thing.attributes["colour"]),
            (self.sizes, thing.attributes["size"]),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


def read_wishes(what: str, labels: tuple[str, ...]) -> tuple[list[Wish], list[str]]:
    """Read `what`: "red circles and large squares" -> two wishes; "red and blue circles" -> circles both times.

    Args:
        what: the planner's words.
        labels: what the network can find.

    Returns:
        The wishes, and the words that are neither label, colour, size nor filler.
    """
    wishes: list[Wish] = []
    unknown: list[str] = []
    inherited: frozenset[str] = frozenset()
    for part in reversed([part for part in _SPLIT.split(what.lower()) if part]):
        wish = _read_wish(part, labels, unknown)
        inherited = wish.labels or inherited
        wishes.append(Wish(inherited, wish.colours, wish.sizes))
    return wishes[::-1], unknown


def _read_wish(part: str, labels: tuple[str, ...], unknown: list[str]) -> Wish:
    known = {word for label in labels for word in label.lower().split()} | {*PALETTE, *SIZES, *_EMPTY, *_SAME}
    words = {_singular(word, known) for word in re.findall(r"[^\W_]+", part)}
    asked = frozenset(label.lower() for label in labels if set(label.lower().split()) <= words)
    used = {word for label in asked for word in label.split()} | {*PALETTE, *SIZES, *_EMPTY}
    unknown += sorted(words - used)
    colours = (words & set(PALETTE)) - {word for label in asked for word in label.split()}
    return Wish(asked, frozenset(colours), frozenset(words & set(SIZES)))


def _singular(word: str, known: set[str]) -> str:
    """The known form of a word: `boxes` -> `box`, `big` -> `large`; itself when none is known."""
    forms = [word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)]
    form = next((form for form in forms if form in known), word)
    return _SAME.get(form, form)


def _seen(image: Image, found: list[Finding]) -> list[Region]:
    """Findings as regions with colour and size, from left to right."""
    boxes = np.array([f.box for f in found], dtype=np.float64).reshape(-1, 4)
    scale = min(image.width, image.height)
    regions = []
    for index in np.lexsort((boxes[:, 1] + boxes[:, 3], boxes[:, 0] + boxes[:, 2])):
        x0, y0, x1, y1 = (round(float(v), 1) for v in boxes[index])
        colour = colour_of(image.pixels, boxes, int(index))
        size = next(name for name, bound in SIZES.items() if (x1 - x0 + y1 - y0) / 2 < bound * scale)
        name = f"{colour} {found[index].label} {size} {(x0 + x1) / 2:.0f},{(y0 + y1) / 2:.0f}"
        facts = {"colour": colour, "size": size}
        score = round(found[index].score, 3)
        regions.append(
            image.region((x0, y0, x1, y1), label=found[index].label, text=name, score=score, attributes=facts)
        )
    return regions


def colour_of(pixels: NDArray[np.uint8], boxes: NDArray[np.float64], index: int) -> str:
    """Name the colour of the thing in one of several boxes.

    Pixels in other boxes are left out as long as enough others remain, and so are pale ones (white, grey); those near
    the middle count more.

    Args:
        pixels: uint8 [H, W, 3].
        boxes: [n, 4], xyxy px.
        index: which box.
    """
    ys, xs = (_samples(boxes[index][k], boxes[index][k + 2], pixels.shape[1 - k]) for k in (1, 0))
    names = colour_index(pixels[np.ix_(ys, xs)])
    weight = np.exp(-(_from_middle(ys)[:, None] ** 2 + _from_middle(xs)[None, :] ** 2) / 0.18)
    vivid = names < PALETTE.index("white")
    for others in _others(boxes, index):
        free = np.ones(names.shape, dtype=bool)
        for x0, y0, x1, y1 in others:
            free &= ~(((ys >= y0) & (ys < y1))[:, None] & ((xs >= x0) & (xs < x1))[None, :])
        if (free & vivid).sum() >= 0.12 * names.size:
            return _most(names, weight * (free & vivid))
    return _most(names, weight * vivid if vivid.mean() >= 0.15 else weight)


def _others(boxes: NDArray[np.float64], index: int) -> tuple[NDArray[np.float64], ...]:
    """Boxes to leave out, strictest first: all that touch, then those that are smaller, then none."""
    x0, y0, x1, y1 = boxes[index]
    touch = (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
    touch[index] = False
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[touch], boxes[touch & (areas < areas[index])], boxes[:0]


def _samples(start: float, stop: float, limit: int, most: int = 64) -> NDArray[np.int64]:
    """At most `most` pixel numbers spread over a side of a box, at least one."""
    first = min(max(0, int(start)), limit - 1)
    last = min(max(first, int(np.ceil(stop)) - 1), limit - 1)
    return np.unique(np.linspace(first, last, min(most, last - first + 1)).round().astype(np.int64))


def _from_middle(numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """-0.5..0.5 along a side."""
    return np.linspace(-0.5, 0.5, len(numbers)) if len(numbers) > 1 else np.zeros(1)


def _most(names: NDArray[np.int64], weight: NDArray[np.float64]) -> str:
    return PALETTE[int(np.bincount(names.ravel(), weight.ravel(), minlength=len(PALETTE)).argmax())]
