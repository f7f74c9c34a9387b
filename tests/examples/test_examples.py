"""Every example runs as a newcomer runs it, on a home of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
SHOWS = {
    "embed.py": "of full brightness",
    "own_graph.py": "slowest tool: detect",
    "ask.py": "[answered, trace",
    "own_tool.py": "measure_sharpness({'image': 'image_1'}) -> ",
}


def run(name, home):
    command = [sys.executable, str(FOLDER / name)]
    environment = {**os.environ, "AGENTMM_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, timeout=600)


@pytest.mark.skipif(not (FOLDER / "media" / "scene.png").exists(), reason="no example media in this checkout")
@pytest.mark.parametrize("name", SHOWS)
def test_an_example_runs(name, tmp_path):
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert SHOWS[name] in done.stdout


def test_a_graph_of_ones_own_takes_under_thirty_lines():
    lines = (FOLDER / "own_graph.py").read_text().splitlines()
    body = lines[lines.index("class Counting(State):") : lines.index('if __name__ == "__main__":')]
    assert sum(bool(line.strip()) for line in body) < 30
