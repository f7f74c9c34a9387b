"""`agentmm demo` with an agent that needs no model and no expert tool."""

import json

import pytest
from PIL import Image as PILImage

from agentmm.cli import demo


@pytest.fixture
def media(tmp_path, monkeypatch):
    folder = tmp_path / "media"
    folder.mkdir()
    PILImage.new("RGB", (64, 48), (220, 20, 20)).save(folder / "scene.png")
    monkeypatch.setattr(demo, "media_folder", lambda: folder)
    questions = ((("scene.png",), "Which half?"), (("gone.wav",), "What is said?"), ((), "And now?"))
    monkeypatch.setattr(demo, "QUESTIONS", questions)
    return folder


@pytest.fixture
def program(monkeypatch):
    """Every agent of the demo finds halves and cites one where there is a picture."""
    import agentmm.agent
    from agentmm.planner.scripted import ScriptedPlanner
    from agentmm.world.program import Call
    from tests.nodes import kit

    def halving():
        (seen,) = yield [Call("halves", {"image": "image_1"})]
        return f"left [{seen['found'][0].split()[0]}]" if "found" in seen else "nothing"

    made = agentmm.agent.Agent
    monkeypatch.setattr(
        agentmm.agent, "Agent", lambda planner, home, seed: made(ScriptedPlanner(halving), [kit.halves], home=home)
    )


def test_the_demo_shows_runs_and_draws_what_was_cited(agentmm, media, program, tmp_path, home):
    ran = agentmm("demo", "--picture", "shown.png")
    assert (ran.code, ran.out) == (0, "answer   left [region_1]\nanswer   nothing\n")
    assert 'call     halves(image="image_1")' in ran.err
    assert "skipped: gone.wav is not in" in ran.err
    assert "next     agentmm traces list" in ran.err
    assert PILImage.open(tmp_path / "shown.png").getpixel((0, 20)) == (220, 0, 60)
    assert (home / "traces.db").is_file()


def test_the_demo_as_json_lines(agentmm, media, program):
    rows = [json.loads(line) for line in agentmm("demo", "--json", "--quiet").out.splitlines()]
    assert [row["question"] for row in rows] == ["Which half?", "And now?"]


def test_the_examples_are_there():
    folder = demo.media_folder()
    asked = {name for names, _ in demo.QUESTIONS for name in names}
    assert len(demo.QUESTIONS) >= 8
    assert {name.rpartition(".")[2] for name in asked} == {"png", "wav"}
    assert asked <= {path.name for path in folder.iterdir()}
