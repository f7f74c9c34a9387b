"""Job 1, with a tool of your own: nano reads its signature and calls it. Run: python examples/own_tool.py [PICTURE]."""

import sys
from pathlib import Path

import numpy as np

from agentmm import Agent
from agentmm.media import Image
from agentmm.planner import default_planner
from agentmm.tool import tool

SCENE = Path(__file__).parent / "media" / "scene.png"


@tool(pure=True)
def measure_sharpness(image: Image) -> dict:
    """Measures the sharpness of a picture."""
    grey = image.pixels.astype(float).mean(2)
    return {"value": round(float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()), 1)}


def main(*words: str) -> None:
    picture = words[0] if words else str(SCENE)
    with Agent(default_planner(), [measure_sharpness, "detect", "read_text", "describe_media"]) as agent:
        answer = agent.ask("What is the sharpness of the picture?", media=[picture])
    for call in answer.steps:
        print(f"{call['tool']}({call['arguments']}) -> {call['observation']}")
    print(f"{answer.text}   [{answer.status}]")


if __name__ == "__main__":
    main(*sys.argv[1:])
