"""Batches that are killed, each some calls later than the last, and asked again.

`python -m tests.agent.killed_batch FOLDER COUNT`
"""

import json
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

QUESTIONS = [f"question {number}" for number in range(1, 7)]


def program(notes: str, question: str):
    """A note a step; the answer says what came back, `?` for a call that was cut off and so not made again."""

    def run():
        seen = []
        for line in lines_of(question):
            seen += yield [Call("note", {"path": notes, "line": line, "wait_s": 0.01})]
        return " ".join(observation.get("noted", "?") for observation in seen)

    return run


def lines_of(question: str) -> list[str]:
    """What a question writes."""
    return [f"{question.split()[1]}{letter}" for letter in "abc"]


def answer_all(home: Path) -> None:
    """Ask the batch under its name; what it came to, and how long it took, into a file."""
    planner = ScriptedPlanner(programs={question: program(str(home / "notes"), question) for question in QUESTIONS})
    with Agent(planner, [kit.note], home=home) as agent:
        answers = agent.batch(QUESTIONS, workers=3, name="night")
        told = [{"text": answer.text, "trace": answer.trace_id, "status": answer.status} for answer in answers]
        (home / "answers.json").write_text(json.dumps(told))


def in_a_fork(home: Path, calls: int | None, after_s: float = 0.0) -> None:
    """The batch in a process of its own; killed a moment after so many calls, where a number is named."""
    child = os.fork()
    if child == 0:
        answer_all(home)
        os._exit(0)
    if calls is not None:
        end = time.monotonic() + 120
        while len(made(home)) < calls and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def made(home: Path) -> list[str]:
    """What was written so far."""
    notes = home / "notes"
    return notes.read_text().split() if notes.exists() else []


if __name__ == "__main__":
    folder, count = sys.argv[1:]
    moments = random.Random(0)
    for number in range(int(count)):
        home = Path(folder, str(number))
        home.mkdir()
        in_a_fork(home, 3 * number, moments.uniform(0.0, 0.02))
        (home / "before").write_text(" ".join(made(home)))
        in_a_fork(home, None)
