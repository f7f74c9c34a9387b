"""The product in one object: `Agent(...).ask("How many red circles?", media=["scene.png"])`."""

from agentmm.agent.agent import DEFAULT_TOOLS, Agent
from agentmm.agent.answer import Answer, CitedRegion
from agentmm.agent.drawing import drawing
from agentmm.agent.events import Answered, Called, Event, Planned, Result

__all__ = [
    "DEFAULT_TOOLS",
    "Agent",
    "Answer",
    "Answered",
    "Called",
    "CitedRegion",
    "Event",
    "Planned",
    "Result",
    "drawing",
]
