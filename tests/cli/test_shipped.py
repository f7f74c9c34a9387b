"""What ships: the demo's traces verify and replay, the weights say what the issue asks, text on photographs is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NANO = ROOT / "agentmm" / "weights" / "nano"
pytestmark = pytest.mark.skipif(not (NANO / "model.safetensors").is_file(), reason="no weights in this checkout")


def test_every_trace_of_the_demo_verifies_and_replays_and_quiet_is_quiet(agentmm):
    ran = agentmm("demo", "--quiet", "--json")
    assert (ran.code, ran.err) == (0, "")
    asked = len(ran.out.splitlines())
    assert asked >= 8
    for proof in ("verify", "replay"):
        done = agentmm("traces", proof, "--all", "--json", "--quiet")
        assert done.code == 0, done.err
        assert len(done.out.splitlines()) == asked


def test_the_mean_training_episode_is_at_most_300_tokens():
    facts = json.loads((NANO / "manifest.json").read_text(encoding="utf-8"))
    assert 0 < facts["data"]["it"]["mean_tokens"] <= 300


def test_text_reading_works_on_photographs_and_scans():
    """The gold programs, so that only the tools can err; 17 of 20 when this was written."""
    pytest.importorskip("skimage")
    from agentmm.eval.photos import evaluate_photos

    rows = evaluate_photos("scripted")
    wrong = [(row["picture"], row["question"], row["answer"]) for row in rows if not row["right"]]
    assert len(rows) == 20
    assert len(wrong) <= 4, wrong
