"""Kill -9 and Ctrl-C at random moments: no finished call is lost or made twice, and the run goes on."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import PARTS, PYTHON
from tests.cli.parts import STEPS

WHOLE = [f"{step}{letter}" for step in range(STEPS) for letter in "ab"]


def rounds(environment, folder, count, sign):
    """What each killed run came to."""
    command = [PYTHON, "-m", "tests.cli.nursery", str(PARTS), str(folder), str(count), sign]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def whole_again(told):
    """A killed run that had begun was resumed and made no call twice; those cut off, two at most, it said were."""
    assert told["again"] == 0, told["said"]
    answer = told["told"]["answer"].split()
    cut_off = [line for line, said in zip(WHOLE, answer, strict=True) if said == "?"]
    assert told["told"]["status"] == "answered"
    assert len(cut_off) <= 2
    assert [said for said in answer if said != "?"] == [line for line in WHOLE if line not in cut_off]
    assert (told["status"], list(told["results"])) == ("answered", [f"call_{k}" for k in range(1, 2 * STEPS + 1)])
    for call, observation in told["finished"].items():
        assert json.loads(told["results"][call]) == json.loads(observation)
    written = Counter(told["after"])
    assert set(WHOLE) - set(cut_off) <= set(written) <= set(WHOLE)
    assert set(written.values()) == {1}


def test_killed_at_twenty_random_moments(environment, tmp_path):
    """At least 15 of them fall after a call was recorded, and they are spread over the ten calls of the run."""
    found = rounds(environment, tmp_path / "runs", 20, "SIGKILL")
    begun = [told for told in found if told["trace"]]
    assert len(found) == 20
    assert all(told["code"] in (-9, 0) for told in found)
    recorded = [len(told["finished"]) for told in begun if told["code"] == -9 and told["finished"]]
    assert len(recorded) >= 15, recorded
    assert len(set(recorded)) >= 4, recorded
    assert max(recorded) - min(recorded) >= STEPS - 1, recorded
    for told in begun:
        whole_again(told)


@pytest.mark.parametrize("count", [12])
def test_interrupted_at_random_moments(environment, tmp_path, count):
    found = rounds(environment, tmp_path / "runs", count, "SIGINT")
    for told in found:
        assert told["code"] in (0, 130), told["error"]
        if told["trace"]:
            whole_again(told)
    stopped = [told for told in found if told["code"] == 130 and told["trace"] and not told["first"]]
    assert stopped
    for told in stopped:
        assert "error: interrupted; what was finished is in trace" in told["error"]
        assert f"next     agentmm ask --resume {told['trace']} --planner {PARTS}:writing" in told["error"]
        assert "Traceback" not in told["error"]
