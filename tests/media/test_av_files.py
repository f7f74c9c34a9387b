"""Compressed sound and video; needs PyAV (extra speech)."""

import struct

import numpy as np
import pytest

from agentmm.errors import MediaError
from agentmm.media import Handles, Limits, MediaStore, Video, open_media, sniff

pytest.importorskip("av")

FORMATS = {"flac": "flac", "mp3": "libmp3lame", "ogg": "libopus", "ipod": "aac", "adts": "aac", "matroska": "libopus"}


@pytest.mark.parametrize("form", FORMATS)
def test_compressed_sound_opens(file_of, form, sound):
    data = sound(form, FORMATS[form])
    clip = open_media(file_of(data))
    assert clip.kind == "audio"
    assert clip.rate_hz == 48000
    assert clip.seconds == pytest.approx(1.0, abs=0.1)
    crossings = np.count_nonzero(np.diff(np.signbit(clip.samples[4800:43200])))
    assert crossings == pytest.approx(2 * 440 * 0.8, abs=3)
    assert 0.4 < np.abs(clip.samples).max() < 0.6


def test_compressed_sound_keeps_the_limits(file_of, sound):
    for form in ("flac", "mp3"):
        with pytest.raises(MediaError, match="too long a clip"):
            open_media(file_of(sound(form, FORMATS[form])), Limits(audio_seconds=0.5))


@pytest.mark.parametrize("form", ["flac", "ipod"])
def test_half_a_file_is_no_clip(file_of, form, sound):
    data = sound(form, FORMATS[form], 3.0)
    with pytest.raises(MediaError, match="truncated"):
        open_media(file_of(data[: len(data) // 2], "half.bin"))


def test_a_scratch_in_an_mp3_is_skipped(file_of, sound):
    data = bytearray(sound("mp3", "libmp3lame", 3.0))
    frame = data.index(b"\xff\xfb", len(data) // 2)
    data[frame + 4 : frame + 60] = b"\xff" * 56
    assert open_media(file_of(bytes(data))).seconds == pytest.approx(3.0, abs=0.2)


def test_a_video_gives_frames_at_times(file_of, video):
    data = video()
    assert sniff(data) == "video"
    clip = open_media(file_of(data))
    assert isinstance(clip, Video)
    assert (clip.width, clip.height, clip.frames, clip.fps) == (64, 48, 20, 10.0)
    assert clip.seconds == pytest.approx(2.0)
    for time_s, index in ((0.0, 0), (0.05, 0), (0.1, 1), (0.55, 5), (1.0, 10), (1.95, 19)):
        frame = clip.frame(time_s)
        assert frame.pixels[:, 40:].mean() == pytest.approx(min(index * 12, 215), abs=6)
        assert frame.region((1, 2, 3, 4)).in_source().span == pytest.approx((index / 10, index / 10), abs=1e-3)
    with pytest.raises(MediaError, match="no frame at that time"):
        clip.frame(2.5)
    with pytest.raises(MediaError, match="no sound"):
        clip.audio()


@pytest.mark.parametrize("form", ["matroska", "avi", "mov"])
def test_other_containers(file_of, form, video):
    clip = open_media(file_of(video(form=form)))
    assert (clip.width, clip.height) == (64, 48)
    assert clip.frame(0.95).pixels[:, 40:].mean() == pytest.approx(9 * 12, abs=6)


@pytest.mark.parametrize("limits", [Limits(video_seconds=1), Limits(video_frames=19), Limits(image_pixels=3000)])
def test_videos_keep_the_limits(file_of, limits, video):
    with pytest.raises(MediaError, match=r"too large a video.*64x48 px, 2.0 s, 20 frames"):
        open_media(file_of(video()), limits)


@pytest.mark.parametrize("kept", [20, 300, 0.5, 0.9])
def test_half_a_video_is_refused(file_of, kept, video):
    data = video()
    with pytest.raises(MediaError, match="truncated or damaged"):
        open_media(file_of(data[: kept if kept > 1 else int(len(data) * kept)]))


def test_a_phone_video_stands_upright(file_of, video):
    # The track header's matrix says: shown a quarter turn clockwise, as phones held upright write it.
    unit, one = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 2**30), 65536
    turned = struct.pack(">9i", 0, one, 0, -one, 0, 0, 48 * one, 0, 2**30)
    data = video()
    track = data.index(b"tkhd")
    place = data.index(unit, track)
    clip = open_media(file_of(data[:place] + turned + data[place + 36 :]))
    assert (clip.width, clip.height) == (48, 64)
    pixels = clip.frame(0.5).pixels  # the bright left half is now on top
    assert pixels[:24].mean() > pixels[-24:].mean() + 30


def test_a_playlist_in_disguise_opens_nothing(file_of, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    for data in (b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile secret.wav\n"):
        with pytest.raises(MediaError, match="no known image"):
            open_media(file_of(data))


def test_videos_and_their_regions_in_the_store(file_of, tmp_path, video):
    store, handles = MediaStore(tmp_path / "store"), Handles()
    record = store.add_file(file_of(video()))
    clip = store.get(record)
    handles.records[handles.mint("video")] = record
    region = clip.frame(1.0).region((40, 0, 64, 48), text="grey")
    handle, stored = handles.keep(region, store, ["video_1"])
    assert stored["of"] == stored["source"] == "video_1"
    assert stored["span"] == [1.0, 1.0]
    cut = Handles(handles.records).resolve(handle, MediaStore(tmp_path / "store"), "Image")
    assert cut.pixels.shape == (48, 24, 3)
    assert cut.pixels.mean() == pytest.approx(120, abs=6)
