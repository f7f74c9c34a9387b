"""Pictures and masks: arrays that cannot change, with a hash and an origin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from agentmm.errors import MediaError
from agentmm.media.geometry import Box, Origin
from agentmm.media.kinds import Media, made_sha

if TYPE_CHECKING:
    from agentmm.media.region import Region


def sealed(array: np.ndarray) -> np.ndarray:
    """The array, contiguous and read-only; copied when its owner could still write to it."""
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    elif array.flags.writeable:
        array = array.copy()
    array.flags.writeable = False
    return array


class Raster(Media):
    """Rows of pixels with an origin: what a picture and a mask share.

    Attributes:
        pixels: [H, W] or [H, W, 3], read-only.
        origin: where it was cut from, or what it selects pixels of; None where it is a source itself.
    """

    _mode: ClassVar[str] = ""  # what a pixel is, in PIL's words

    pixels: npt.NDArray[Any]
    origin: Origin | None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.width}x{self.height} px)"

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return int(self.pixels.nbytes)

    @cached_property
    def sha(self) -> str:
        """Hash of mode, size and pixels."""
        return self._made_sha()

    @property
    def place(self) -> Origin:
        """The origin that things found in it have."""
        return self.origin or Origin(self.sha)

    def _made_sha(self) -> str:
        """Hash that it has where no file gives one."""
        return made_sha(self.kind, self._mode, f"{self.width}x{self.height}", self.pixels.view(np.uint8).data)


@dataclass(frozen=True, eq=False, repr=False)
class Image(Raster):
    """A picture.

    Attributes:
        pixels: uint8 [H, W, 3] RGB, read-only (`.copy()` it to draw on it).
        origin: where it was cut from; None where it is a source itself.
        file_sha: SHA-256 of the file it came from, None for made pictures.

    Raises:
        MediaError: the array has another type or shape, or no pixels.
    """

    kind: ClassVar[str] = "image"
    modality: ClassVar[str] = "Image"
    _mode: ClassVar[str] = "RGB"

    pixels: npt.NDArray[np.uint8]
    origin: Origin | None = None
    file_sha: str | None = None

    def __post_init__(self) -> None:
        array = np.asarray(self.pixels)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise MediaError("not a picture", got=(array.dtype.name, array.shape), expected="uint8 pixels [H, W, 3]")
        object.__setattr__(self, "pixels", sealed(array))

    @property
    def box(self) -> Box:
        """The whole picture as a box."""
        return (0.0, 0.0, float(self.width), float(self.height))

    @cached_property
    def sha(self) -> str:
        """Hash of the file as given, or of mode, size and pixels where a tool made it."""
        return self.file_sha or self._made_sha()

    def to_pil(self) -> PILImage.Image:
        """A PIL picture of its own, mode RGB."""
        return PILImage.fromarray(self.pixels)

    @classmethod
    def from_pil(cls, pil: PILImage.Image, origin: Origin | None = None) -> Image:
        """A picture from any PIL one; transparency is laid on white, 16 bits are cut to 8."""
        from agentmm.media.image_file import to_rgb

        return cls(to_rgb(pil), origin)

    def region(self, box: Box, **fields: Any) -> Region:
        """A region of this picture, with the right origin; `fields` as in `Region`."""
        from agentmm.media.region import Region

        return Region(box=box, origin=self.place, image=self, **fields)


@dataclass(frozen=True, eq=False, repr=False)
class Mask(Raster):
    """Which pixels of a picture are meant.

    Attributes:
        pixels: bool [H, W], of the size of the picture the tool was given, read-only.
        origin: origin of that picture.

    Raises:
        MediaError: the array has another type or shape, or no pixels.
    """

    kind: ClassVar[str] = "mask"
    modality: ClassVar[str] = "Mask"
    _mode: ClassVar[str] = "1"

    pixels: npt.NDArray[np.bool_]
    origin: Origin | None = None

    def __post_init__(self) -> None:
        array = np.asarray(self.pixels)
        if array.dtype != np.bool_ or array.ndim != 2 or array.size == 0:
            raise MediaError("not a mask", got=(array.dtype.name, array.shape), expected="bool pixels [H, W]")
        object.__setattr__(self, "pixels", sealed(array))

    @property
    def box(self) -> Box | None:
        """Bounds of the set pixels, None where none is set."""
        rows, columns = np.flatnonzero(self.pixels.any(axis=1)), np.flatnonzero(self.pixels.any(axis=0))
        if rows.size == 0:
            return None
        return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
