"""Tools and programs that the command line is given as `parts.py:name`."""

import os
import time
from pathlib import Path

from agentmm.errors import ToolError
from agentmm.media import Image
from agentmm.tool import tool
from agentmm.world.program import Call

STEPS = 5
WAIT_S = 0.03


def note(line: str, wait_s: float = 0.0) -> dict:
    """Write a line into the file of $NOTES, when the waiting is over."""
    time.sleep(wait_s)
    with Path(os.environ["NOTES"]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return {"noted": line}


def hang() -> dict:
    """Sleep for an hour."""
    print("a tool that prints", flush=True)  # noqa: T201
    time.sleep(3600)
    return {}


@tool(isolation="thread")
def hang_here() -> dict:
    """Sleep for an hour where no worker can be ended."""
    time.sleep(3600)
    return {}


def crash() -> dict:
    """Fail as tools may not."""
    raise KeyError("boom")


def refuse() -> dict:
    """Fail as tools may."""
    raise ToolError("the lens is dirty")


def huge() -> dict:
    """Return 100 MB."""
    return {"text": "x" * 100_000_000}


def loud(image: Image) -> dict:
    """Print and warn like a noisy library."""
    import logging
    import warnings

    print("noise on stdout")  # noqa: T201
    warnings.warn("noise of a library", UserWarning, stacklevel=1)
    logging.getLogger("somelib").warning("noise in a log")
    return {"width": image.width}


def writing():
    said = []
    for step in range(STEPS):
        given = [{"line": f"{step}{letter}", "wait_s": WAIT_S} for letter in "ab"]
        said += yield [Call("note", arguments) for arguments in given]
    return " ".join(observation.get("noted", "?") for observation in said)  # "?": cut off, so not made again


def one(tool_name, **arguments):
    """A program of one call, whose answer is what came back."""

    def program():
        (seen,) = yield [Call(tool_name, arguments)]
        return seen.get("error") or str(seen)

    return program


def hanging():
    yield from one("hang")()


def hanging_here():
    yield from one("hang_here")()


def asking():
    (seen,) = yield [Call("note", {"line": "asked"})]
    return str(seen.get("noted", "refused"))


def calling_nothing():
    return (yield from one("teleport", where="home")())


def calling_wrongly():
    return (yield from one("calculate", expression=7)())


def calling_with_a_path():
    return (yield from one("measure_colour", image="/etc/passwd")())


def calling_huge():
    return (yield from one("huge")())


def calling_refuse():
    return (yield from one("refuse")())


def calling_crash():
    return (yield from one("crash")())


def calling_loud():
    return (yield from one("loud", image="image_1")())


def never_ending():
    while True:
        yield [Call("calculate", {"expression": "1+1"})]


def giving_up():
    yield from ()
    return "unanswerable: it cannot be seen"


def failing_planner(messages, tools, media):
    raise ValueError("no idea")


def thinking_for_ever(messages, tools, media):
    time.sleep(3600)
