import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image as PILImage

from agentmm.cli import run

PARTS = Path(__file__).parent / "parts.py"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own for every test, and the process's environment as a user has it."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def agentmm(capsys):
    """The command line, in this process: exit code, stdout, stderr."""

    def call(*words):
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@pytest.fixture
def ask(agentmm):
    """`agentmm ask` with a program and tools of `parts.py`."""

    def call(program, *words, tools="", question=("What now?",)):
        chosen = [name if ":" in name or name in LIGHT else f"{PARTS}:{name}" for name in tools.split(",") if name]
        given = ["--planner", f"{PARTS}:{program}"] if program else ["--planner", "scripted"]
        given += ["--tools", ",".join(chosen)] if chosen else []
        return agentmm("ask", *words, *question, *given)

    return call


LIGHT = {"calculate", "measure_colour", "crop", "describe_media"}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "red.png"
    PILImage.new("RGB", (64, 48), (220, 20, 20)).save(path)
    return path


@pytest.fixture
def environment(home, tmp_path):
    """For commands in a process of their own."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "AGENTMM_HOME": str(home), "NOTES": str(tmp_path / "notes")}


PYTHON = sys.executable
