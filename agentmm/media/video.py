"""Video: a file that stays on disk and gives single frames and its sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from agentmm.errors import MediaError
from agentmm.media.audio import Audio
from agentmm.media.geometry import Origin, Step
from agentmm.media.image import Image
from agentmm.media.kinds import Media
from agentmm.media.limits import LIMITS, Limits


@dataclass(frozen=True)
class Video(Media):
    """A video file.

    Attributes:
        path: the file.
        file_sha: SHA-256 of the file.
        demuxer: the libav format that may read it.
        width: width in pixels, upright.
        height: height in pixels, upright.
        fps: frames per second.
        frames: number of frames, estimated where the file does not say.
        seconds: length.
        has_audio: whether there is sound.
    """

    kind: ClassVar[str] = "video"
    modality: ClassVar[str] = "Video"

    path: Path
    file_sha: str
    demuxer: str
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    has_audio: bool

    @property
    def sha(self) -> str:
        """Hash of the file as given."""
        return self.file_sha

    @property
    def nbytes(self) -> int:
        """Bytes in memory; the frames stay on disk."""
        return 512

    @property
    def place(self) -> Origin:
        """The origin that things found in this video have."""
        return Origin(self.sha)

    def frame(self, time_s: float) -> Image:
        """The picture shown at `time_s` seconds; its origin knows the time.

        Raises:
            MediaError: the time is outside the video, or the file cannot be decoded there.
        """
        from agentmm.media.av_file import read_frame

        if not 0.0 <= time_s <= self.seconds:
            raise MediaError("no frame at that time", got=time_s, expected=f"0 to {self.seconds:.3f} s")
        pixels, begins = read_frame(self.path, self.demuxer, time_s, self.path.name)
        return Image(pixels, self.place.then(Step("frame", time=(1.0, begins))))

    def audio(self, limits: Limits = LIMITS) -> Audio:
        """The sound of the whole video.

        Raises:
            MediaError: there is none, or it is beyond the limits.
        """
        from agentmm.media.av_file import decode_audio

        samples, rate_hz = decode_audio(self.path, self.demuxer, limits, self.path.name)
        return Audio(samples, rate_hz, self.place.then(Step("audio")))
