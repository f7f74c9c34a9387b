"""Cold and warm seconds of a question, what a warm one spends them on, and the resident memory of the process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from agentmm.agent import Agent

SCENE = Path(__file__).parents[1] / "examples" / "media" / "scene.png"
RECEIPT = SCENE.with_name("receipt.png")
ROUNDS = 6
QUESTIONS = ((SCENE, "How many red circles are there?"), (RECEIPT, "What is the total?"))


def split(agent: Agent, question: str, picture: Path) -> dict[str, float]:
    """Seconds of one question by what they were spent on; what is left over is the framework's."""
    started = time.perf_counter()
    answer = agent.ask(question, media=[picture])
    whole = time.perf_counter() - started
    parts = {part: answer.counters[f"{part}_seconds"] for part in ("encode", "prefill", "decode")}
    parts["tools"] = sum(step["seconds"] for step in answer.steps)
    return {"all": whole, **parts, "framework": whole - sum(parts.values())}


def main() -> None:
    """One cold process a question, then many warm questions in this one."""
    with tempfile.TemporaryDirectory() as home:
        for picture, question in QUESTIONS:
            started = time.perf_counter()
            command = [sys.executable, "-m", "agentmm", "ask", str(picture), question, "--home", home, "--quiet"]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            print(f"cold  {time.perf_counter() - started:6.2f} s  {picture.name}: {question} -> {answer}")
        agent = Agent(planner="nano", home=home)
        for picture, question in QUESTIONS:
            rounds = [split(agent, question, picture) for _ in range(ROUNDS)][1:]
            middle = {part: statistics.median(parts[part] for parts in rounds) for part in rounds[0]}
            print(f"warm  {middle.pop('all'):6.2f} s  {picture.name}: {question}")
            print("      " + ", ".join(f"{part} {1000 * seconds:.0f} ms" for part, seconds in middle.items()))
        process = psutil.Process()
        workers = sum(child.memory_info().rss for child in process.children(recursive=True))
        print(f"resident memory {process.memory_info().rss / 2**20:.0f} MiB, its workers {workers / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
