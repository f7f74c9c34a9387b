"""agentmm: a trainable multimodal planner, expert tools and traces inside LangGraph.

`from agentmm import Agent` and `from agentmm.tool import tool` are all that most apps need; nothing heavy is imported
before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "Agent": "agentmm.agent",
    "Answer": "agentmm.agent",
    "Recorder": "agentmm.trace",
    "TraceStore": "agentmm.trace",
}

__all__ = ["__version__", *_ROOMS]  # pyright: ignore[reportUnsupportedDunderAll]  # imported on demand


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'agentmm' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
