"""A planner that tells what it is shown before the question; workers load it by this file's name."""

from typing import ClassVar

from agentmm.planner.function import FunctionPlanner


class Shown(FunctionPlanner):
    """A planner that is shown demonstrations."""

    takes_examples: ClassVar[bool] = True


def told(messages, tools, media):
    """The questions, those of demonstrations first."""
    return " | ".join(message.text for message in messages if message.type == "human")


shown = Shown(function=told)
