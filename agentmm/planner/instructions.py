"""What a model that was not trained on our wire is told first, whether it runs here or on a server."""

from __future__ import annotations

INSTRUCTIONS = (
    "Answer the user's question about the media. Media and regions have handles such as image_1 or region_2; pass "
    "handles to tools, never paths. Call tools when they help, several at once when they do not depend on each other. "
    "Then answer in a few words, and cite the regions that decide it as [region_2]. When the question cannot be "
    "answered, begin with 'unanswerable:' and say why."
)
