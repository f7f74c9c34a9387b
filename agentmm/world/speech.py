"""Spoken notes and questions: sentences from recorded clips, and what is true about them.

The clips were spoken by flite (voice `rms`) and lie in `clips.npz`, so notes need no program and are equal everywhere.
pocketsphinx writes nearly all of them down exactly; of what espeak-ng speaks it knows a quarter of the words again.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from agentmm.errors import ConfigError
from agentmm.world.documents.words import chance, pick, sample, whole

CLIPS = Path(__file__).with_name("clips.npz")
RATE_HZ = 16_000
PROGRAMS = {"rms": "flite", "slt": "flite", "awb": "flite", "kal16": "flite"}
"""Voices of flite; every other name is a voice of espeak-ng."""
LONGEST_CHARACTERS, LONGEST_S = 500, 60.0


@dataclass(frozen=True)
class Fact:
    """Something a note says: the value under a label such as `meeting day`."""

    label: str
    value: str


@dataclass(frozen=True)
class Spoken:
    """A clip of speech.

    Attributes:
        text: what is said, in small letters without punctuation, as a recogniser writes it.
        samples: float32 `[N]` in -1..1.
        rate_hz: samples a second.
        facts: what a note says; empty for a question.
    """

    text: str
    samples: np.ndarray
    rate_hz: int
    facts: list[Fact] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate_hz

    def fact(self, label: str) -> str:
        """The value under a label.

        Raises:
            KeyError: the note says nothing of it.
        """
        return {fact.label: fact.value for fact in self.facts}[label]


def make_note(rng: np.random.Generator) -> Spoken:
    """A note of one or two sentences about different things, at a random loudness, with pauses and a little hiss."""
    topics = sample(rng, sorted(notes()), 2 if chance(rng, 0.4) else 1)
    chosen = [pick(rng, notes()[topic]) for topic in topics]
    facts = [fact for sentence in chosen for fact in facts_of(sentence)]
    return Spoken(" ".join(chosen), _joined(rng, chosen), RATE_HZ, facts)


def make_spoken(rng: np.random.Generator) -> Spoken:
    """A spoken question about a scene, e.g. `how many red circles are there`."""
    question = pick(rng, questions())
    return Spoken(question, _joined(rng, [question]), RATE_HZ)


def facts_of(sentence: str) -> list[Fact]:
    """What a sentence of the clips says, by its first words.

    `the meeting is on monday at three` -> meeting day: monday, meeting hour: three.
    """
    for start, labels, joint in PATTERNS:
        if sentence.startswith(start):
            rest = sentence.removeprefix(start)
            values = rest.split(joint, 1) if joint else [rest]
            return [Fact(label, value) for label, value in zip(labels, values, strict=True)]
    return []


PATTERNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("the meeting is on ", ("meeting day", "meeting hour"), " at "),
    ("the train leaves at ", ("train hour",), ""),
    ("please call the ", ("person to call", "time to call"), " "),
    ("please buy ", ("first thing to buy", "second thing to buy"), " and "),
    ("the price is ", ("price",), ""),
    ("my father lives in ", ("father's city",), ""),
    ("my brother lives in ", ("brother's city",), ""),
    ("my sister lives in ", ("sister's city",), ""),
    ("the doctor lives in ", ("doctor's city",), ""),
    ("the key is ", ("place of the key",), ""),
    ("the book is ", ("place of the book",), ""),
    ("the money is ", ("place of the money",), ""),
    ("the dog is ", ("place of the dog",), ""),
)
"""How a note's sentence begins, what it tells, and the word between its values."""


@lru_cache(maxsize=1)
def clips() -> dict[str, np.ndarray]:
    """Every recorded sentence with its samples, int16 `[N]` at 16 kHz."""
    with np.load(CLIPS, allow_pickle=False) as archive:
        return {name.replace("_", " "): archive[name] for name in archive.files}


@lru_cache(maxsize=1)
def notes() -> dict[str, list[str]]:
    """Sentences that state something, by the way they begin."""
    found: dict[str, list[str]] = {}
    for sentence in clips():
        for start, _, _ in PATTERNS:
            if sentence.startswith(start):
                found.setdefault(start, []).append(sentence)
    return found


@lru_cache(maxsize=1)
def questions() -> list[str]:
    """Sentences that ask about a scene."""
    return [sentence for sentence in clips() if sentence.startswith("how many ")]


def speak(text: str, voice: str = "rms", speed: int = 150) -> tuple[np.ndarray, int]:
    """Speak a text; needs a program that is used only while data are made.

    Args:
        text: what to say; numbers and names are best spelled out.
        voice: a voice of flite (one of `PROGRAMS`) or of espeak-ng, e.g. `en-us` or `en-us+m3`.
        speed: words a minute.

    Returns:
        Samples as float32 `[N]` in -1..1 and the rate in Hz.

    Raises:
        ConfigError: the program is not installed, does not know the voice, or the text is empty or too long.
    """
    if not text.strip() or len(text) > LONGEST_CHARACTERS:
        raise ConfigError("cannot speak this text", got=text, expected=f"1 to {LONGEST_CHARACTERS} characters")
    name = PROGRAMS.get(voice, "espeak-ng")
    program = shutil.which(name)
    if program is None:
        raise ConfigError(f"{name} is not installed", mend=f"apt-get install {name}")
    stretch = f"duration_stretch={150 / speed:.3f}"
    command = {
        "flite": [program, "-voice", voice, "--setf", stretch, "-t", text, "-o", "/dev/stdout"],
        "espeak-ng": [program, "--stdout", "-v", voice, "-s", str(speed), "--", text],
    }[name]
    done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)
    if done.returncode != 0 or not done.stdout:
        raise ConfigError(f"{name} failed: {done.stderr.decode(errors='replace')}", got=voice, expected="a voice")
    return read_wave(done.stdout)


def read_wave(data: bytes) -> tuple[np.ndarray, int]:
    """Samples `[N]` in -1..1 and rate in Hz of a 16-bit mono WAV; a lying length field, as in a pipe, is ignored."""
    with wave.open(io.BytesIO(data)) as file:
        raw = file.readframes(len(data) // 2)
        rate_hz = file.getframerate()
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / 32768, rate_hz


def write_wave(samples: np.ndarray, rate_hz: int) -> bytes:
    """A 16-bit mono WAV of samples `[N]` in -1..1."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()


def _joined(rng: np.random.Generator, sentences: list[str]) -> np.ndarray:
    """The clips of the sentences after each other, float32 `[N]`; whole numbers until the end, equal everywhere."""
    pieces = [_hiss(rng, whole(rng, 2400, 6400))]
    for sentence in sentences:
        pieces += [clips()[sentence].astype(np.int64), _hiss(rng, whole(rng, 4000, 9600))]
    loudness = whole(rng, 400, 1000)
    joined = np.concatenate(pieces)
    return (joined * loudness // 1000).astype(np.float32) / np.float32(32768)


def _hiss(rng: np.random.Generator, count: int) -> np.ndarray:
    """A pause that is not wholly silent."""
    return rng.integers(-12, 13, count)
