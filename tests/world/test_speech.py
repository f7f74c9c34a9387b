"""Spoken notes and questions: from clips, the same everywhere, and spoken anew where the programs are."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from agentmm.errors import ConfigError
from agentmm.world import speech
from agentmm.world.speech import Fact, facts_of, make_note, make_spoken, read_wave, speak, write_wave


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        ("the meeting is on monday at three", [Fact("meeting day", "monday"), Fact("meeting hour", "three")]),
        ("please call the driver tomorrow", [Fact("person to call", "driver"), Fact("time to call", "tomorrow")]),
        ("please call the manager on friday", [Fact("person to call", "manager"), Fact("time to call", "on friday")]),
        ("the price is forty five dollars", [Fact("price", "forty five dollars")]),
        ("how many red circles are there", []),
    ],
)
def test_facts_of_a_sentence(sentence, facts):
    assert facts_of(sentence) == facts


def test_notes_and_questions_come_from_the_clips():
    known = {sentence for topic in speech.notes().values() for sentence in topic} | set(speech.questions())
    assert known <= set(speech.clips())
    assert len(known) >= 20
    for samples in speech.clips().values():
        assert samples.dtype == np.int16
        assert 1 <= len(samples) / speech.RATE_HZ <= 4


def test_notes_are_seeded_true_and_long_enough():
    for seed in range(20):
        first, second = (make_note(np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first.samples, second.samples)
        assert first.samples.dtype == np.float32
        assert np.abs(first.samples).max() <= 1
        assert 1.5 < first.seconds < 12
        assert first.facts
        for fact in first.facts:
            assert fact.value in first.text
            assert first.fact(fact.label) == fact.value


def test_a_note_never_says_two_things_about_one_label():
    for seed in range(50):
        labels = [fact.label for fact in make_note(np.random.default_rng(seed)).facts]
        assert len(set(labels)) == len(labels)


def test_spoken_questions():
    rng = np.random.default_rng(1)
    asked = make_spoken(rng)
    assert asked.text.startswith("how many ")
    assert asked.facts == []


def test_a_wave_comes_back():
    tone = np.sin(np.arange(800) / 5).astype(np.float32) * 0.5
    samples, rate_hz = read_wave(write_wave(tone, 16_000))
    assert rate_hz == 16_000
    assert np.abs(samples - tone).max() < 1e-4


@pytest.mark.parametrize(("voice", "program"), [("rms", "flite"), ("en-us", "espeak-ng")])
def test_a_missing_program_is_one_clear_line(monkeypatch, voice, program):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=f"{program} is not installed; try: apt-get install {program}"):
        speak("hello", voice)


@pytest.mark.parametrize("text", ["", "  ", "x" * 501])
def test_unspeakable_text_is_refused(text):
    with pytest.raises(ConfigError, match="cannot speak this text"):
        speak(text)


@pytest.mark.parametrize("voice", ["rms", "en-us"])
def test_speaking_makes_sound(voice):
    if shutil.which(speech.PROGRAMS.get(voice, "espeak-ng")) is None:
        pytest.skip("needs the speaking program, which is used only while data are made")
    samples, rate_hz = speak("the train leaves at nine", voice)
    assert 1 < len(samples) / rate_hz < 4
    assert np.abs(samples).max() > 0.05
