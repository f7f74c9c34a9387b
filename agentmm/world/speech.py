"""Spoken questions and notes, made with espeak-ng; it is needed only while data are made, never to use them."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave

import numpy as np

from agentmm.errors import ConfigError

SPEAKER = "espeak-ng"
LONGEST_CHARACTERS, LONGEST_S = 500, 60.0


def speak(text: str, voice: str = "en-us", speed: int = 140, pitch: int = 50) -> tuple[np.ndarray, int]:
    """Speak a text.

    Args:
        text: what to say; numbers and names are best spelled out.
        voice: a voice of espeak-ng, e.g. `en-us` or `en-us+m3`.
        speed: words a minute.
        pitch: 0 to 99.

    Returns:
        Samples as float32 `[N]` in -1..1 and the rate in Hz (espeak-ng's own, 22,050).

    Raises:
        ConfigError: espeak-ng is not installed, does not know the voice, or the text is empty or too long.
    """
    if not text.strip() or len(text) > LONGEST_CHARACTERS:
        raise ConfigError("cannot speak this text", got=text, expected=f"1 to {LONGEST_CHARACTERS} characters")
    program = shutil.which(SPEAKER)
    if program is None:
        raise ConfigError(f"{SPEAKER} is not installed", mend=f"apt-get install {SPEAKER}")
    command = [program, "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), "--", text]
    done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)
    if done.returncode != 0 or not done.stdout:
        raise ConfigError(f"{SPEAKER} failed: {done.stderr.decode(errors='replace')}", got=voice, expected="a voice")
    return read_wave(done.stdout)


def read_wave(data: bytes) -> tuple[np.ndarray, int]:
    """Samples `[N]` in -1..1 and rate in Hz of a 16-bit mono WAV; a lying length field, as in a pipe, is ignored."""
    with wave.open(io.BytesIO(data)) as file:
        raw = file.readframes(len(data) // 2)
        rate_hz = file.getframerate()
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / 32768, rate_hz
