"""The default tools under names and descriptions that no training has: held-out tools for the split `hard`.

What they do and the types of their arguments are as before, so every question keeps its answer. Their author saw
nothing that training says of tools (`agentmm/train/sayings.yaml`); no word of a name stands there under its tool.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from agentmm.tool.renaming import renamed as under_names

NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "detect": (
        ("ringspotter", "Out comes an inventory: each geometric form, its paint, bulk and position."),
        ("facet_hunt", "Think of a bird-watcher, but spotting circles and polygons in pictures."),
        ("plotfinder", "Suppose a scene holds five ovals; learn each one's spot and hue."),
        ("blockwarden", "When drawn forms must be counted or found, turn here."),
    ),
    "read_text": (
        ("signscribe", "For instance, a snapshot of a menu becomes lines you can quote."),
        ("serif_sage", "As though someone with good eyes spelled out a printed notice."),
        ("wordtrawl", "Any lettering the camera caught, in order from top row to bottom."),
        ("rowreader", "Saves you typing off what a pictured letter or ticket says."),
    ),
    "read_code": (
        ("chequer_lore", "Marks only machines understand, bars or QR, put into plain characters."),
        ("tagcracker", "Suppose a ticket bears a QR mark; its payload is yours."),
        ("skuglimpse", "Not one barcode or QR patch in the image keeps its secret."),
        ("beeper", "Does its job as a shop scanner would, only on pictures."),
    ),
    "transcribe": (
        ("sayscribe", "Good for voicemail: what the caller told you, as plain writing."),
        ("echo_clerk", "Who needs headphones? Speech in the file turns up as sentences."),
        ("mouthpiece", "A microphone heard it; you get to read it."),
        ("spokenink", "What is being said in this clip? Read it instead of listening."),
    ),
    "rotate": (
        ("spinnaker", "Suppose the horizon slants by seven degrees; swing the shot back level."),
        ("whirligig", "Name an angle; the picture comes back swung round by that much."),
        ("askew", "Straightens a crooked scan, or slants a level one, by given degrees."),
        ("quarterspin", "For instance, ninety degrees makes a portrait lie on its side."),
    ),
    "measure_colour": (
        ("vermeil", "Red, ochre, mint: whichever fills the photo gets named."),
        ("dyewitness", "Is the fence brown or grey? Its prevailing hue gets reported."),
        ("chromavow", "When you wonder what paint is on a panel, photograph it."),
        ("tonekeeper", "Never mind details: the overall tint of the image, in one word."),
    ),
    "describe_media": (
        ("dimensia", "The bare figures: an image's sides, a clip's running time."),
        ("spanwise", "How wide, how tall, or how many seconds long? Your file answers."),
        ("pixelspan", "Ignores what is shown, counts only how many pixels wide and high."),
        ("vitals", "Physical facts on a media file: sides in pixels, length in seconds."),
    ),
    "calculate": (
        ("sumsmith", "What does 17 times 23 make? Settles it exactly."),
        ("plusminus", "When numbers must be added, divided or weighed against each other."),
        ("slipstick", "As a bookkeeper would, works through brackets, times and minus."),
        ("equalis", "Does 6 * 7 equal 42? Truth or falsehood, plus ordinary sums."),
    ),
}
"""Tool -> its names and descriptions, one for each house; the others stay as they are."""

HOUSES = 4
"""How many sets of names there are."""


def renamed(tools: Iterable[Any], house: int = 0) -> list[Any]:
    """The tools under the names of a house, 0 to `HOUSES` - 1."""
    return under_names(tools, {tool: names[house] for tool, names in NAMES.items()})


def house_of(question: str) -> int:
    """The house whose tools a renamed question is asked with, by the question's id."""
    return zlib.crc32(question.encode()) % HOUSES
