"""A planner and tools for tests of the workers, which load them by this file's name."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np

from agentmm.errors import ToolError
from agentmm.media import Image
from agentmm.tool import tool
from agentmm.world.program import Call

WORDS = {"crash", "refuse", "die", "double", "paint", "look", "note", "meet", "hold", "sulk"}
HANGS_S = 300.0
"""When a tool that waits for others gives up: something hangs."""


@tool(isolation="thread")
def double(number: float) -> dict:
    """Doubles a number."""
    return {"number": 2 * number}


@tool(isolation="thread")
def paint(red: int) -> Image:
    """Make a small red picture."""
    return Image(np.full((4, 6, 3), (red, 0, 0), dtype=np.uint8))


@tool(isolation="thread")
def look(image: Image) -> dict:
    """What a picture's pixels are, as a hash."""
    return {"seen": hashlib.sha256(image.pixels.tobytes()).hexdigest()[:12]}


@tool(isolation="thread")
def refuse() -> dict:
    """Fail as tools may."""
    raise ToolError("not today")


@tool(isolation="thread")
def crash() -> dict:
    """Fail as tools may not."""
    raise KeyError("boom")


@tool(isolation="thread")
def note(path: str, line: str) -> dict:
    """Add a line to a file, and the process that wrote it."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{line} {os.getpid()}\n")
    return {"noted": line}


@tool(isolation="thread")
def meet(path: str, line: str) -> dict:
    """Note a line, and wait until another process has noted one."""
    noted = note.function(path, line)
    _await(lambda: len({row.split()[1] for row in _rows(path)}) > 1)
    return noted


@tool(isolation="thread")
def hold(path: str, line: str) -> dict:
    """Note a line; from the twelfth on, wait until there is a file of that path with `.go`."""
    noted = note.function(path, line)
    _await(lambda: len(_rows(path)) < 12 or Path(f"{path}.go").exists())
    return noted


def _rows(path):
    """The lines that are whole."""
    return Path(path).read_text(encoding="utf-8").rpartition("\n")[0].splitlines()


def _await(condition):
    end = time.monotonic() + HANGS_S
    while not condition():
        if time.monotonic() > end:
            raise ToolError("nobody came")
        time.sleep(0.01)


@tool(isolation="thread")
def die(path: str, times: int) -> dict:
    """End the whole process, the first times that it is called for a file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write("died\n")
    if len(Path(path).read_text(encoding="utf-8").splitlines()) <= times:
        os._exit(1)
    return {"lived": True}


TOOLS = [double, paint, look, refuse, crash, note, meet, hold, die]


def said(messages, tools, media):
    """Calls the tool that the question begins with, with the words after it, then says what came back."""
    question = next(message for message in messages if message.type == "human").text
    word, *rest = question.split()
    results = [message for message in messages if message.type == "tool"]
    if word == "sulk":
        raise RuntimeError("the planner sulks")
    if results or word not in WORDS:
        return " ".join(["told", *(result.text for result in results)])
    return [Call(word, _arguments(word, rest))]


def _arguments(word, rest):
    if word in {"crash", "refuse"}:
        return {}
    if word == "look":
        return {"image": rest[0] if rest else "image_1"}
    if word in {"note", "meet", "hold"}:
        return {"path": rest[0], "line": rest[1]}
    if word == "die":
        return {"path": rest[0], "times": int(rest[1])}
    return {{"double": "number", "paint": "red"}[word]: int(rest[0])}
