"""Job 1, ask: a question of a picture, answered with tools. Run: python examples/ask.py [MEDIA... QUESTION]."""

import sys
from pathlib import Path

from agentmm import Agent
from agentmm.planner import default_planner

SCENE = Path(__file__).parent / "media" / "scene.png"
QUESTION = "How many red circles are there?"


def main(*words: str) -> None:
    *media, question = words or (str(SCENE), QUESTION)
    with Agent(planner=default_planner()) as agent:
        answer = agent.ask(question, media=media)
    for call in answer.steps:
        print(f"{call['tool']}({call['arguments']}) -> {call['observation']}")
    for region in answer.regions:
        print(f"{region.handle}: {region.text} at {region.box} of {region.source}")
    print(f"{answer.text}   [{answer.status}, trace {answer.trace_id}, {answer.seconds} s]")


if __name__ == "__main__":
    main(*sys.argv[1:])
