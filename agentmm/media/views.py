"""Views of pictures: crop, zoom and rotate as pure functions whose results know where they came from."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as PILImage

from agentmm.errors import MediaError
from agentmm.media.geometry import Affine, Box, Step
from agentmm.media.image import Image
from agentmm.media.limits import LIMITS, Limits

_WHITE = (255, 255, 255)


def crop(image: Image, box: Box) -> Image:
    """The pixels that a box touches, cut at the picture's edges.

    Raises:
        MediaError: the box lies outside the picture or holds nothing.
    """
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise MediaError("cannot crop", got=tuple(box), expected="a box (x0, y0, x1, y1) of four numbers")
    x0, y0 = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    x1, y1 = min(image.width, math.ceil(box[2])), min(image.height, math.ceil(box[3]))
    if x0 >= x1 or y0 >= y1:
        raise MediaError("an empty crop", got=tuple(box), expected=f"a box within {image.width}x{image.height} px")
    step = Step("crop", (1.0, 0.0, float(x0), 0.0, 1.0, float(y0)))
    return Image(image.pixels[y0:y1, x0:x1], image.place.then(step))


def zoom(image: Image, factor: float, limits: Limits = LIMITS) -> Image:
    """The picture, `factor` times as large (smaller where below 1), at least one pixel each way.

    Raises:
        MediaError: the factor is not positive, or the result is beyond the limits.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise MediaError("cannot zoom", got=factor, expected="a factor above 0")
    _check_size(image.width * factor, image.height * factor, limits)
    width, height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    pil = image.to_pil().resize((width, height), PILImage.Resampling.LANCZOS)
    step = Step("zoom", (image.width / width, 0.0, 0.0, 0.0, image.height / height, 0.0))
    return Image(np.asarray(pil), image.place.then(step))


def rotate(image: Image, degrees: float, limits: Limits = LIMITS) -> Image:
    """The picture turned counter-clockwise on a canvas that holds all of it; new corners are white.

    Quarter turns are exact.

    Raises:
        MediaError: the angle is not finite, or the result is beyond the limits.
    """
    if not math.isfinite(degrees):
        raise MediaError("cannot rotate", got=degrees, expected="an angle in degrees")
    turns, rest = divmod(degrees % 360.0, 90.0)
    if rest == 0.0:
        return _quarter_turns(image, int(turns) % 4)
    radians = math.radians(degrees % 360.0)
    cos, sin = math.cos(radians), math.sin(radians)
    width = math.ceil(image.width * abs(cos) + image.height * abs(sin) - 1e-6)
    height = math.ceil(image.width * abs(sin) + image.height * abs(cos) - 1e-6)
    _check_size(width, height, limits)
    matrix = _about_centres(cos, sin, (width, height), (image.width, image.height))
    pil = image.to_pil().transform(
        (width, height), PILImage.Transform.AFFINE, matrix, PILImage.Resampling.BICUBIC, fillcolor=_WHITE
    )
    return Image(np.asarray(pil), image.place.then(Step("rotate", matrix)))


def _quarter_turns(image: Image, turns: int) -> Image:
    """The picture after `turns` (0..3) exact quarter turns counter-clockwise."""
    width, height = float(image.width), float(image.height)
    matrices: tuple[Affine, ...] = (
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        (0.0, -1.0, width, 1.0, 0.0, 0.0),
        (-1.0, 0.0, width, 0.0, -1.0, height),
        (0.0, 1.0, 0.0, -1.0, 0.0, height),
    )
    return Image(np.rot90(image.pixels, turns), image.place.then(Step("rotate", matrices[turns])))


def _about_centres(cos: float, sin: float, new: tuple[int, int], old: tuple[int, int]) -> Affine:
    """The map from a rotated canvas back to the picture; the centres fall together."""
    cx, cy = new[0] / 2, new[1] / 2
    return (cos, -sin, old[0] / 2 - cos * cx + sin * cy, sin, cos, old[1] / 2 - sin * cx - cos * cy)


def _check_size(width: float, height: float, limits: Limits) -> None:
    """Refuse a view beyond the limits before any pixel is made."""
    if width * height > limits.image_pixels or max(width, height) > limits.image_side_px:
        expected = f"at most {limits.image_pixels} px in all and {limits.image_side_px} px a side"
        raise MediaError("the view is too large", got=f"{width:.0f}x{height:.0f} px", expected=expected)
