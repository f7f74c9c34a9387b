import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(name, home, *arguments):
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    environment = {**os.environ, "AGENTMM_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, timeout=600)


def test_collect_traces_makes_replayable_gold(tmp_path):
    done = run("collect_traces.py", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 traces: 6 right, 6 replay to the same hash, 6 lines" in done.stdout


@pytest.mark.skipif(not (ROOT / "agentmm/weights/nano/config.json").exists(), reason="no planner weights here")
def test_align_runs_from_samples_to_dpo(tmp_path):
    done = run("align.py", tmp_path, "nano", "2")
    assert done.returncode == 0, done.stderr
    assert "8 sampled runs" in done.stdout
