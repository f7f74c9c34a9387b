"""The option `--think` of commands that ask a planner."""

from __future__ import annotations

from agentmm.cli.places import shown
from agentmm.errors import UsageError

HELP = "on: a local planner thinks first wherever it might; off: never; auto: where it likes to."

CHOICES = {"auto": None, "on": True, "off": False}


def thinking(said: str, planner: str) -> bool | None:
    """Whether a planner thinks first; None where it may do as it likes.

    Raises:
        UsageError: there is no such choice, or this planner has none.
    """
    if said not in CHOICES:
        raise UsageError("--think is no choice", got=said, expected=" | ".join(CHOICES))
    if CHOICES[said] is not None and planner != "nano" and not planner.startswith("hf:"):
        line = "only a local planner can be told whether to think"
        raise UsageError(line, got=shown(planner), expected="nano | hf:FOLDER")
    return CHOICES[said]
