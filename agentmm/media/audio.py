"""Sound: one channel of float samples that cannot change, with a hash and an origin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from agentmm.errors import MediaError
from agentmm.media.geometry import Origin, Span, Step
from agentmm.media.image import sealed
from agentmm.media.kinds import Media, made_sha

if TYPE_CHECKING:
    from agentmm.media.region import Region


@dataclass(frozen=True, eq=False)
class Audio(Media):
    """A clip.

    Attributes:
        samples: float32 [N], one channel, finite, cut to -1..1, read-only.
        rate_hz: samples per second.
        origin: what it was cut from; None where it is a source itself.
        file_sha: SHA-256 of the file it came from, None for made clips.

    Raises:
        MediaError: samples of another type or shape, not finite, or a rate below 1.
    """

    kind: ClassVar[str] = "audio"
    modality: ClassVar[str] = "Audio"

    samples: npt.NDArray[np.float32]
    rate_hz: int
    origin: Origin | None = None
    file_sha: str | None = None

    def __post_init__(self) -> None:
        array = np.asarray(self.samples)
        if array.dtype != np.float32 or array.ndim != 1 or array.size == 0:
            raise MediaError("not a clip", got=(array.dtype.name, array.shape), expected="float32 samples [N], N > 0")
        if int(self.rate_hz) != self.rate_hz or self.rate_hz < 1:
            raise MediaError("a clip needs a sample rate", got=self.rate_hz, expected="a whole number of Hz, 1 or more")
        if not np.isfinite(array).all():
            raise MediaError("a clip has samples that are not numbers", expected="finite samples in -1..1")
        object.__setattr__(self, "rate_hz", int(self.rate_hz))
        if np.abs(array).max() > 1.0:
            array = np.clip(array, -1.0, 1.0)
        object.__setattr__(self, "samples", sealed(array))

    def __repr__(self) -> str:
        return f"Audio({self.seconds:.2f} s, {self.rate_hz} Hz)"

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return int(self.samples.nbytes)

    @cached_property
    def sha(self) -> str:
        """Hash of the file as given, or of rate and samples where a tool made it."""
        return self.file_sha or made_sha("audio", "f32", str(self.rate_hz), self.samples.astype("<f4").data)

    @property
    def place(self) -> Origin:
        """The origin that things found in this clip have."""
        return self.origin or Origin(self.sha)

    def region(self, span: Span, **fields: Any) -> Region:
        """A time span of this clip, with the right origin; `fields` as in `Region`."""
        from agentmm.media.region import Region

        return Region(kind="span", span=span, origin=self.place, image=self, **fields)

    def slice(self, start_s: float, end_s: float) -> Audio:
        """The clip from `start_s` to `end_s`, cut at whole samples and at the clip's ends.

        Raises:
            MediaError: nothing of the clip lies between the two times.
        """
        first = max(0, round(start_s * self.rate_hz))
        last = min(self.samples.size, round(end_s * self.rate_hz))
        if first >= last:
            raise MediaError("an empty slice", got=(start_s, end_s), expected=f"times within 0..{self.seconds:.3f} s")
        step = Step("slice", time=(1.0, first / self.rate_hz))
        return Audio(self.samples[first:last], self.rate_hz, self.place.then(step))
