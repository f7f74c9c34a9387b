"""Every modality crosses state, traces and replay: pictures, sound and video, and what tools make of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agentmm.media import Audio, Image, Mask, Region, Video
from agentmm.proof import replay
from agentmm.tool import tool
from agentmm.world.program import Call

av = pytest.importorskip("av")


@tool
def paint(prompt: str) -> dict[str, Image]:
    """Make a picture from words."""
    return {"image": Image(np.full((8, 12, 3), len(prompt), np.uint8))}


@tool
def trim(audio: Audio) -> dict[str, Audio]:
    """Keep the first half of a clip."""
    return {"audio": Audio(audio.samples[: len(audio.samples) // 2], audio.rate_hz)}


@tool
def bright(image: Image) -> dict[str, Mask]:
    """Mark the bright part of a picture."""
    return {"mask": Mask(image.pixels[..., 0] > 100, origin=image.origin)}


@tool
def left(image: Image) -> dict[str, Region]:
    """Find the left half of a picture."""
    return {"found": image.region((0, 0, image.width / 2, image.height), text="left half")}


@pytest.fixture
def files(tmp_path):
    """A WAV of a second at 8 kHz, an MP4 of ten frames of 32x24 px, a picture of 20x10 px."""
    sound, film = tmp_path / "note.wav", tmp_path / "film.mp4"
    sound.write_bytes(_wave(8000))
    with av.open(str(film), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for _ in range(10):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8), format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return [Image(np.full((10, 20, 3), 200, np.uint8)), sound, film]


def _wave(count: int) -> bytes:
    import io
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(np.zeros(count, "<i2").tobytes())
    return buffer.getvalue()


def program():
    first = yield [
        Call("describe_media", {"media": "audio_1"}),
        Call("describe_media", {"media": "video_1"}),
        Call("paint", {"prompt": "red"}),
        Call("trim", {"audio": "audio_1"}),
        Call("bright", {"image": "image_1"}),
        Call("left", {"image": "image_1"}),
    ]
    made = yield [Call("describe_media", {"media": handle}) for handle in ("image_2", "audio_2")]
    return json.dumps([first[0]["seconds"], first[1]["width"], made[0]["width"], made[1]["seconds"]])


def test_all_modalities_cross_state_trace_and_replay(make, files):
    agent = make(program, [paint, trim, bright, left, "describe_media"])
    answer = agent.ask("What is all this?", media=files)
    assert answer.status == "answered", [step["error"] for step in answer.steps]
    assert json.loads(answer.text) == [1.0, 32, 12, 0.5]
    trace = agent.traces.get(answer.trace_id)
    kinds = {handle: record["kind"] for handle, record in trace.media.items()}
    assert kinds == {
        "image_1": "image", "audio_1": "audio", "video_1": "video", "image_2": "image", "audio_2": "audio",
        "mask_1": "mask", "region_1": "region",
    }  # fmt: skip
    assert isinstance(agent.store.get(trace.media["video_1"]), Video)
    assert agent.store.get(trace.media["mask_1"]).pixels.all()
    replayed = replay(trace, agent.store)
    assert replayed.same, replayed.summary
    assert replayed.hash == trace.hash
