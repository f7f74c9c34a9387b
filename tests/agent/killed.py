"""Runs that are killed at random moments, in forks of one process: `python -m tests.agent.killed FOLDER COUNT`."""

import os
import random
import signal
import sys
import time
from pathlib import Path

from agentmm.agent import Agent
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.world.program import Call
from tests.nodes import kit

STEPS = 5
LONGEST_S = 0.8


def program(notes: str):
    def run():
        seen = []
        for step in range(STEPS):
            lines = [f"{step}a", f"{step}b"]
            seen += yield [Call("note", {"path": notes, "line": line, "wait_s": 0.01}) for line in lines]
        return " ".join(observation.get("noted", "?") for observation in seen)  # "?": cut off, so not made again

    return run


def agent(home: Path) -> Agent:
    return Agent(ScriptedPlanner(program(str(home / "notes"))), [kit.note], home=home)


def kill_one(home: Path, after_s: float) -> None:
    """One run in a fork that is killed after a while."""
    home.mkdir()
    child = os.fork()
    if child == 0:
        agent(home).ask("write", thread="run")
        os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    folder, count = sys.argv[1:]
    moments = random.Random(0)
    for number in range(int(count)):
        kill_one(Path(folder, str(number)), moments.uniform(0.0, LONGEST_S))
