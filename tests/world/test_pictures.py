"""The first hundred pictures of the test split have the committed pixels, on every machine.

`python tests/world/test_pictures.py` writes the hashes anew after the world was changed on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from agentmm.world.sample import sample_questions

HASHES = Path(__file__).parent / "picture_hashes.txt"


def picture_hashes() -> Iterator[str]:
    """SHA-256 of size and pixels of the hundred pictures that come with the first test questions."""
    for question in sample_questions("test", 95, 0):
        for medium in question.media:
            if medium.kind == "image":
                pixels = medium.pixels
                yield hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def test_the_first_pictures_of_the_test_split_are_the_committed_ones() -> None:
    assert list(picture_hashes()) == HASHES.read_text().split()


if __name__ == "__main__":
    HASHES.write_text("\n".join(picture_hashes()) + "\n")
