"""The line that a small planner reads of a tool: its signature, and what it does where the planner does not know it."""

from __future__ import annotations

SIGNATURES = (
    "detect(image:Image,what:Text)",
    "read_text(image:Image)",
    "read_code(image:Image)",
    "transcribe(audio:Audio)",
    "crop(region:Region)",
    "zoom(image:Image,factor:Number)",
    "rotate(image:Image,degrees:Number)",
    "measure_colour(image:Image)",
    "describe_media(media:Image|Audio|Video)",
    "calculate(expression:Text)",
)
"""Signatures of the default tools, which the planner that ships was trained on: it is told no more of them."""

LONGEST = 80
"""Most letters of what a tool does; more would be cut off at a word."""


def told(signature: str, description: str) -> str:
    """A signature and the first line of a description, `count_birds(image:Image) Counts birds.`; a known one alone."""
    first = next(iter(description.strip().splitlines()), "")
    if signature in SIGNATURES or not first:
        return signature
    if len(first) > LONGEST:
        first = first[: LONGEST + 1].rpartition(" ")[0] or first[:LONGEST]
    return f"{signature} {first}"
