"""What a server or a provider's model does when it is asked: for `agentmm doctor --planner NAME`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, HumanMessage

from agentmm.errors import PlannerError
from agentmm.media import Image
from agentmm.planner.remote.calls import AS_TEXT
from agentmm.planner.remote.loading import KEY
from agentmm.planner.remote.planner import RemotePlanner
from agentmm.planner.remote.showing import Picture

_TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        },
    },
}
_MAX_TOKENS = 64


def probe(planner: RemotePlanner) -> dict[str, Any]:
    """Ask twice, once with a tool and once with a small picture, and say what came back.

    Where pictures might travel once, that is tried, too, with a request or two for one token.

    Args:
        planner: without tools.

    Returns:
        `answers` (True), `seconds` of the first reply, `tools` (whether the tool was called, as asked), `as_text`
        (whether calls stand in the text, which the server does not read), `pictures` (whether a picture was taken),
        `why` (not), `once` (whether pictures travel once), `travel` (why, or why not), `ids` and `logp` (whether tokens
        come with them).

    Raises:
        PlannerError: it cannot be reached, or gives no usable reply.
    """
    short = {"max_tokens": _MAX_TOKENS} if planner.asked else {}
    bound = _with(planner, _check(planner)).bind_tools([_TOOL], **short)
    started = time.perf_counter()
    said = bound.invoke([HumanMessage("Call the tool add with a = 2 and b = 3.")])
    seconds = round(time.perf_counter() - started, 3)
    why = _picture_refused(_with(planner, "a model or a server that takes pictures").bind_tools([_TOOL], **short))
    once, travel = (False, "") if why else planner.travel.examined(_red())
    return {
        "answers": True,
        "seconds": seconds,
        "tools": any(call["name"] == "add" for call in said.tool_calls),
        "as_text": _tells(said, AS_TEXT),
        "pictures": why is None,
        "why": why or "",
        "once": once,
        "travel": travel,
        "ids": _tells(said, "completion_ids"),
        "logp": _tells(said, "logp"),
    }


def _with(planner: RemotePlanner, mend: str) -> RemotePlanner:
    """The planner, whose errors name something else to try."""
    return planner.model_copy(update={"mend": mend})


def _check(planner: RemotePlanner) -> str:
    """What to look at where asking fails: `doctor`, which other errors name, is what is running."""
    name, at, url = planner.planner_name.rpartition("@")
    if not at:
        return "the model's name, and the variable of the provider's key in the environment"
    return f"the address {url}, the model's name {name.removeprefix('openai:')} and the key in {KEY}"


def _tells(said: AIMessage, name: str) -> bool:
    return bool(said.response_metadata.get(name))


def _picture_refused(bound: Any) -> str | None:
    """Why a picture is not taken; None where it is."""
    try:
        bound.invoke([HumanMessage([_red().as_data(), {"type": "text", "text": "Which colour is this?"}])])
    except PlannerError as error:
        return str(error)
    return None


def _red() -> Picture:
    return Picture("red", Image(np.full((32, 32, 3), (220, 20, 20), np.uint8)))
