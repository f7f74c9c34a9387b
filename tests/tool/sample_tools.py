"""Tools that behave and misbehave, for the tests of the tool room."""

import os
import subprocess
import sys
import time
from typing import Literal

import numpy as np

from agentmm.errors import MissingExtra, ToolError
from agentmm.media import Image, Region
from agentmm.tool import tool

FACTOR = 3


def repeated(text):
    return text * FACTOR


@tool
def shout(text: str, *, mark: str = "!") -> dict[str, str]:
    """Say it three times."""
    print("chatter on standard output")  # noqa: T201
    return {"text": repeated(text) + mark, "pid": str(os.getpid())}


@tool
def hang(seconds: float) -> dict[str, str]:
    """Sleep, and start a process that sleeps too."""
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"])
    time.sleep(seconds)
    return {}


@tool
def busy(rounds: int) -> dict[str, int]:
    """Never let go."""
    while rounds:
        pass
    return {"rounds": rounds}


@tool
def fail(how: Literal["tool", "extra", "value", "exit", "die", "signal", "large", "odd", "deep"]) -> object:
    """Fail in some way."""
    if how == "tool":
        raise ToolError("sorry")
    if how == "extra":
        raise MissingExtra("nothing", "ocr")
    if how == "value":
        raise ValueError("bad luck")
    if how == "exit":
        sys.exit(3)
    if how == "die":
        os._exit(4)
    if how == "signal":
        os.kill(os.getpid(), 9)
    if how == "deep":
        nested: list = []
        for _ in range(100_000):
            nested = [nested]
        return nested
    return "x" * 100_000_000 if how == "large" else object()


@tool(memory_mb=200)
def hoard(megabytes: int) -> dict[str, int]:
    """Take memory."""
    return {"bytes": np.ones(megabytes * 2**20, dtype=np.uint8).nbytes}


@tool
def halves(image: Image) -> dict[str, list[Region] | Image | int]:
    """Cut a picture in two."""
    middle = image.width / 2
    left = image.region((0, 0, middle, image.height), text="left half", label="half")
    right = image.region((middle, 0, image.width, image.height), label="half")
    return {"count": 2, "found": [left, right], "mirror": Image(image.pixels[:, ::-1].copy())}
