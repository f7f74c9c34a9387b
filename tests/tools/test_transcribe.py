"""Speech to text: resampling by hand, a real clip through pocketsphinx, Whisper on a tiny random checkpoint."""

import importlib

import numpy as np
import pytest

from agentmm.errors import ConfigError, ToolError
from agentmm.media import Audio
from agentmm.registry import load_tool

transcribe = importlib.import_module("agentmm.tools.transcribe")


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_a_low_tone_and_its_length(rate):
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    made = transcribe.resampled(tone, rate, 16000)
    truth = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert made.dtype == np.float32
    assert len(made) == 16000
    assert np.abs(made - truth)[200:-200].max() < 0.02


def test_resampling_removes_what_the_new_rate_cannot_hold():
    tone = np.sin(2 * np.pi * 15000 * np.arange(48000) / 48000).astype(np.float32)
    assert np.abs(transcribe.resampled(tone, 48000, 16000))[200:-200].max() < 0.02


def test_silence_and_clicks_say_nothing():
    pytest.importorskip("pocketsphinx")
    tool = load_tool("transcribe")
    assert tool.call(audio=Audio(np.zeros(16000, np.float32), 16000)).value == {"text": ""}
    assert tool.call(audio=Audio(np.full(1, 0.5, np.float32), 8000)).value == {"text": ""}


def test_a_clip_beyond_the_limit_is_refused():
    with pytest.raises(ToolError, match="clip is too long; got '601 s'"):
        load_tool("transcribe").call(audio=Audio(np.zeros(601 * 100, np.float32), 100))


@pytest.mark.filterwarnings("ignore")
def test_any_whisper_checkpoint_by_path(tmp_path):
    whisper = pytest.importorskip("whisper")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    dims = whisper.model.ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1)
    path = tmp_path / "tiny.pt"
    torch.save({"dims": vars(dims), "model_state_dict": whisper.model.Whisper(dims).state_dict()}, path)
    clip = Audio(np.sin(np.arange(8000) / 9).astype(np.float32) * 0.3, 16000)
    tool = load_tool("transcribe", model=str(path))
    first = tool.call(audio=clip).value
    assert isinstance(first["text"], str)
    assert tool.call(audio=clip).value == first
    assert tool.provenance["settings"]["model"] == str(path)


def test_an_unusable_checkpoint_names_what_is_wanted(tmp_path):
    pytest.importorskip("whisper")
    path = tmp_path / "bad.pt"
    path.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="cannot load the Whisper model") as caught:
        load_tool("transcribe", model=str(path)).call(audio=Audio(np.ones(100, np.float32), 16000))
    assert "\n" not in str(caught.value)
