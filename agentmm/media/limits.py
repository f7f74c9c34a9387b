"""How much one file may ask of this machine; passed as a value, never read from the surroundings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Upper bounds for media that enter.

    Attributes:
        file_bytes: bytes of one file on disk.
        image_pixels: width times height of a picture or of one video frame.
        image_side_px: longer side of a picture.
        audio_seconds: length of a clip.
        audio_samples: samples of a clip after mixing to one channel.
        video_seconds: length of a video.
        video_frames: frames of a video.
    """

    file_bytes: int = 512 * 2**20
    image_pixels: int = 50_000_000
    image_side_px: int = 30_000
    audio_seconds: float = 1800.0
    audio_samples: int = 90_000_000
    video_seconds: float = 3600.0
    video_frames: int = 216_000


LIMITS = Limits()
