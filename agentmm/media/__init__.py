"""What an image, a clip, a video and a region are here; where they are kept; how they are named.

Importing this room loads numpy and Pillow, nothing heavier.
"""

from agentmm.media.audio import Audio
from agentmm.media.geometry import Affine, Box, Origin, Point, Span, Step, TimeMap
from agentmm.media.handles import KINDS, Handles, is_handle
from agentmm.media.home import default_home
from agentmm.media.image import Image, Mask
from agentmm.media.kinds import Media
from agentmm.media.limits import LIMITS, Limits
from agentmm.media.opening import open_media
from agentmm.media.records import Record, origin_of, record_of
from agentmm.media.region import Region
from agentmm.media.sniff import sniff
from agentmm.media.store import MediaStore
from agentmm.media.video import Video
from agentmm.media.views import crop, rotate, zoom

__all__ = [
    "KINDS",
    "LIMITS",
    "Affine",
    "Audio",
    "Box",
    "Handles",
    "Image",
    "Limits",
    "Mask",
    "Media",
    "MediaStore",
    "Origin",
    "Point",
    "Record",
    "Region",
    "Span",
    "Step",
    "TimeMap",
    "Video",
    "crop",
    "default_home",
    "is_handle",
    "open_media",
    "origin_of",
    "record_of",
    "rotate",
    "sniff",
    "zoom",
]
