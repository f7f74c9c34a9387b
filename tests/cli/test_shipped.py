"""What ships: the demo's traces verify and replay, the weights say what the issue asks, text on photographs is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentmm.cli.demo import QUESTIONS

ROOT = Path(__file__).parents[2]
NANO = ROOT / "agentmm" / "weights" / "nano"
pytestmark = pytest.mark.skipif(not (NANO / "model.safetensors").is_file(), reason="no weights in this checkout")


def test_every_trace_of_the_demo_verifies_and_replays_and_quiet_is_quiet(agentmm, home):
    """Every step was recorded with ids, so nothing may be `not verifiable`, and `blind` is checked where eyes were."""
    from agentmm.trace import TraceStore

    ran = agentmm("demo", "--quiet", "--json")
    assert (ran.code, ran.err) == (0, "")
    asked = [json.loads(line)["trace_id"] for line in ran.out.splitlines()]
    assert len(asked) == len(set(asked)) == len(QUESTIONS) >= 8
    for proof in ("verify", "replay"):
        done = agentmm("traces", proof, "--all", "--json", "--quiet")
        assert (done.code, done.err) == (0, "")
        told = {line["trace"]: line for line in map(json.loads, done.out.splitlines())}
        assert sorted(told) == sorted(asked)
        assert {line["verdict"] for line in told.values()} == {"ok"}, done.out
        for trace in map(TraceStore(home / "traces.db").get, asked if proof == "verify" else ()):
            looked = {(check["name"], check["step"]) for check in told[trace.id]["checks"]}
            assert looked >= {(name, k) for name in ("ids", "mask", "calls", "logp") for k in range(len(trace.steps))}
            assert (("blind", None) in looked) == any(handle.startswith("image_") for handle in trace.media)


def test_names_in_lower_case_are_found_told_as_printed_and_verified(agentmm):
    """The planner reads and writes them in the question's spelling; people and proofs see what is printed."""
    chart = str(ROOT / "examples" / "media" / "chart.png")
    asked = {"what value does quito have?": "179", "which is higher, quito or dover?": "Quito"}
    for question, wanted in asked.items():
        told = json.loads(agentmm("ask", chart, question, "--planner", "nano", "--json").out)
        assert told["answer"].partition("] ")[2] == wanted
    done = agentmm("traces", "verify", "--all", "--json", "--quiet")
    assert [json.loads(line)["verdict"] for line in done.out.splitlines()] == ["ok", "ok"], done.out


def test_the_mean_training_episode_is_at_most_300_tokens():
    """Those of the manifest's data, and sixty told here: about 225 each, with a spread of 60."""
    from agentmm.planner.render import Renderer
    from agentmm.train.imagined import imagine_episodes
    from agentmm.train.imagined_rows import SIGNATURES

    facts = json.loads((NANO / "manifest.json").read_text(encoding="utf-8"))
    assert 0 < facts["data"]["it"]["mean_tokens"] <= 300
    picture = json.loads((NANO / "processor_config.json").read_text(encoding="utf-8"))["image_tokens"]
    renderer = Renderer.from_pretrained(NANO, picture, respells=True)
    lengths = []
    for episode in imagine_episodes(88, seed=11, split="train"):
        blocks = [block for message in episode for block in message["content"] if isinstance(block, dict)]
        media = {block["file_id"]: {"kind": block["type"], "sha": ""} for block in blocks if "file_id" in block}
        lengths.append(len(renderer.render(episode, SIGNATURES, media).ids))
    assert len(lengths) >= 60
    assert 100 < sum(lengths) / len(lengths) <= 300


def test_text_reading_works_on_photographs_and_scans():
    """The gold programs, so that only the tools can err; 17 of 20 when this was written."""
    pytest.importorskip("skimage")
    from agentmm.eval.photos import evaluate_photos

    rows = evaluate_photos("scripted")
    wrong = [(row["picture"], row["question"], row["answer"]) for row in rows if not row["right"]]
    assert len(rows) == 20
    assert len(wrong) <= 4, wrong
