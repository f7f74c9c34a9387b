"""Cold and warm seconds of a question, and the resident memory of the process that asked it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SCENE = Path(__file__).parents[1] / "examples" / "media" / "scene.png"
RECEIPT = SCENE.with_name("receipt.png")
QUESTIONS = ((SCENE, "How many red circles are there?"), (RECEIPT, "What is the total?"))


def main() -> None:
    """One cold process a question, then many warm questions in this one."""
    with tempfile.TemporaryDirectory() as home:
        for picture, question in QUESTIONS:
            started = time.perf_counter()
            command = [sys.executable, "-m", "agentmm", "ask", str(picture), question, "--home", home, "--quiet"]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            print(f"cold  {time.perf_counter() - started:6.2f} s  {picture.name}: {question} -> {answer}")
        from agentmm.agent import Agent

        agent = Agent(planner="nano", home=home)
        for picture, question in QUESTIONS:
            seconds = []
            for _ in range(6):
                started = time.perf_counter()
                answer = agent.ask(question, media=[picture])
                seconds.append(time.perf_counter() - started)
            print(f"warm  {statistics.median(seconds[1:]):6.2f} s  {picture.name}: {question} -> {answer.text}")
        process = psutil.Process()
        workers = sum(child.memory_info().rss for child in process.children(recursive=True))
        print(f"resident memory {process.memory_info().rss / 2**20:.0f} MiB, its workers {workers / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
