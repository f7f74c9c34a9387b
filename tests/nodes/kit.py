"""Small tools for tests of nodes, graphs and the agent; at the top of a module, so that workers can load them."""

import threading
import time
from pathlib import Path

import numpy as np

from agentmm.errors import ToolError
from agentmm.media import Image, Region
from agentmm.tool import tool

MEETING = threading.Barrier(2)


@tool(isolation="thread")
def paint(red: int, wait_s: float = 0.0) -> Image:
    """Make a small red picture."""
    time.sleep(wait_s)
    return Image(np.full((4, 6, 3), (red, 0, 0), dtype=np.uint8))


@tool(isolation="thread")
def halves(image: Image) -> dict:
    """Both halves of a picture."""
    left = Region(box=(0, 0, image.width / 2, image.height), text="left", label="half", origin=image.place)
    right = Region(box=(image.width / 2, 0, image.width, image.height), text="right", label="half", origin=image.place)
    return {"count": 2, "found": [left, right]}


@tool(isolation="thread")
def meet() -> dict:
    """Wait for the other call of the step."""
    MEETING.wait(timeout=10)
    return {"met": True}


@tool(isolation="thread")
def refuse(why: str = "no") -> dict:
    """Fail as tools may."""
    raise ToolError(why)


@tool(isolation="thread")
def crash() -> dict:
    """Fail as tools may not."""
    raise KeyError("boom")


@tool
def hang(seconds: float = 3600.0) -> dict:
    """Sleep."""
    time.sleep(seconds)
    return {"slept": seconds}


@tool(isolation="thread")
def hang_here(seconds: float = 3600.0) -> dict:
    """Sleep where no worker can end it."""
    time.sleep(seconds)
    return {"slept": seconds}


@tool(isolation="thread")
def note_and_die(path: str) -> dict:
    """Have an effect, and end the process before it is told."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("done\n")
    raise KeyboardInterrupt


@tool(isolation="thread")
def note(path: str, line: str, wait_s: float = 0.0) -> dict:
    """Write a line into a file, as a tool with an effect does."""
    time.sleep(wait_s)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return {"noted": line}
