"""Picture files to RGB pixels: upright, opaque, 8 bits, first frame, bounded before anything is decoded."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage
from PIL import ImageFile, ImageOps

from agentmm.errors import MediaError
from agentmm.media.limits import Limits
from agentmm.media.sniff import Format

# PIL's strictness and Python's warning filters are settings of the whole process.
_lock = threading.RLock()


def decode_image(data: bytes, form: Format, limits: Limits, name: str) -> npt.NDArray[np.uint8]:
    """Pixels [H, W, 3] of a picture file, in the orientation its EXIF data asks for.

    Raises:
        MediaError: empty, truncated, damaged or too large; `name` says which file.
    """
    _refuse_empty_canvas(data, form, name)
    with _strict_pil():
        try:
            with PILImage.open(io.BytesIO(data), formats=[form.decoder]) as pil:
                _refuse_large(pil.size, limits, name)
                pil.load()
                return to_rgb(_upright(pil))
        except MediaError:
            raise
        except PILImage.DecompressionBombError as error:
            raise _too_large(name, "a decompression bomb", limits) from error
        except Exception as error:  # PIL's plugins raise nearly anything on hostile bytes
            unread = isinstance(error, PILImage.UnidentifiedImageError)  # whose message holds a memory address
            got = "a header that cannot be read" if unread else str(error) or type(error).__name__
            raise MediaError(
                f"{name} is truncated or damaged", got=got, expected=f"a whole {form.name} file"
            ) from error


def to_rgb(pil: PILImage.Image) -> npt.NDArray[np.uint8]:
    """Pixels [H, W, 3] of any PIL picture: transparency on white, 16 bits cut to 8, CMYK and palettes resolved."""
    if pil.mode in ("I", "F") or pil.mode.startswith("I;16"):
        return np.repeat(_eight_bits(np.asarray(pil))[:, :, None], 3, axis=2)
    if pil.mode in ("RGBa", "La"):
        pil = pil.convert("RGBA" if pil.mode == "RGBa" else "LA")
    if pil.mode in ("RGBA", "LA", "PA") or "transparency" in pil.info:
        rgba = pil.convert("RGBA")
        white = PILImage.new("RGBA", rgba.size, (255, 255, 255, 255))
        pil = PILImage.alpha_composite(white, rgba)
    return np.asarray(pil.convert("RGB"), dtype=np.uint8)


def _eight_bits(values: np.ndarray) -> npt.NDArray[np.uint8]:
    """Grey values of 16 or 32 bits, or floats, as 8 bits; the highest of the assumed range becomes 255."""
    grey = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(grey.max(initial=0.0))
    if values.dtype == np.uint16 or peak > 255.0:
        grey = grey / (257.0 if peak <= 65535.0 else peak / 255.0)
    elif values.dtype.kind == "f" and peak <= 1.0:
        grey = grey * 255.0
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _upright(pil: PILImage.Image) -> PILImage.Image:
    """The picture turned as its EXIF orientation says; damaged EXIF data says nothing."""
    try:
        return ImageOps.exif_transpose(pil)
    except Exception:  # the pixels are sound, and only a hint about them is not
        return pil


def _refuse_empty_canvas(data: bytes, form: Format, name: str) -> None:
    """Name the one fault that decoders report as an unknown file: a header that says 0 pixels."""
    places: dict[str, tuple[int, int, Literal["big", "little"]]]
    places = {"PNG": (16, 4, "big"), "GIF": (6, 2, "little"), "BMP": (18, 4, "little")}
    if form.name not in places:
        return
    start, size, order = places[form.name]
    if len(data) < start + 2 * size:
        raise MediaError(
            f"{name} is truncated or damaged", got=f"{len(data)} bytes", expected=f"a whole {form.name} file"
        )
    width = int.from_bytes(data[start : start + size], order)
    height = int.from_bytes(data[start + size : start + 2 * size], order)
    if form.name != "GIF" and 0 in (width, height):
        raise MediaError(f"{name} has no pixels", got=f"{width}x{height} px", expected="at least 1x1 px")


def _refuse_large(size: tuple[int, int], limits: Limits, name: str) -> None:
    """Compare the header's size with the limits, and refuse 0 pixels."""
    width, height = size
    if width < 1 or height < 1:
        raise MediaError(f"{name} has no pixels", got=f"{width}x{height} px", expected="at least 1x1 px")
    if width * height > limits.image_pixels or max(size) > limits.image_side_px:
        raise _too_large(name, f"{width}x{height} px", limits)


def _too_large(name: str, got: str, limits: Limits) -> MediaError:
    """The error for pictures beyond the limits."""
    expected = f"at most {limits.image_pixels} px in all and {limits.image_side_px} px a side"
    return MediaError(f"{name} is too large a picture", got=got, expected=expected)


@contextmanager
def _strict_pil() -> Iterator[None]:
    """PIL that refuses truncated files and prints no warnings, whatever other libraries have set."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient
