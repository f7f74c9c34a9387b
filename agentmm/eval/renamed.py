"""The default tools under names and descriptions that no training has: held-out tools for the split `hard`.

What they do and the types of their arguments are as before, so every question keeps its answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentmm.tool.renaming import renamed as under_names

NAMES = {
    "detect": ("survey_figures", "Lists the figures in a picture with colour, size and place."),
    "read_text": ("peruse", "Gives back the printed lines of a page."),
    "read_code": ("unravel_symbol", "Tells what QR and bar codes hold."),
    "transcribe": ("jot_speech", "Writes down what is spoken."),
    "rotate": ("swivel", "Gives the picture turned by some degrees."),
    "measure_colour": ("tint_gauge", "Tells the main colour."),
    "describe_media": ("particulars", "Tells width, height, duration."),
    "calculate": ("reckon", "Works out an expression."),
}
"""Tool -> its name and description here; the others stay as they are."""


def renamed(tools: Iterable[Any]) -> list[Any]:
    """The tools under these names."""
    return under_names(tools, NAMES)
