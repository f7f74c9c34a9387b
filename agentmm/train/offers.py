"""Which tools an episode offers: all in their order, or some, renamed, among invented ones, in random order.

A planner that has always seen the same ten tools learns their places, not to read. Here a told episode is told again
with other signatures; its calls take the new names, what they return stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from agentmm.world.invented import ask_for, invent, made_up
from agentmm.world.program import concluded
from agentmm.world.wordings.skeletons import trained_words

Messages = list[dict[str, Any]]
Offered = tuple[Messages, list[str]]

RENAMED = {
    "detect": ("find", "find_shapes", "locate", "spot", "shape_finder", "look_for", "list_shapes"),
    "read_text": ("ocr", "read", "text_of", "read_page", "scan_text", "text_reader", "read_lines"),
    "read_code": ("scan_code", "barcode", "decode", "code_reader", "scan", "read_barcode"),
    "transcribe": ("speech_to_text", "listen", "write_down", "hear", "stt", "transcript_of"),
    "crop": ("cut_out", "clip", "extract_region", "cut"),
    "zoom": ("enlarge", "magnify", "scale", "resize"),
    "rotate": ("turn", "spin", "turn_picture", "straighten"),
    "measure_colour": ("colour_of", "main_colour", "get_colour", "colour_meter", "paint_of"),
    "describe_media": ("info", "media_info", "size_of", "describe", "properties", "metadata"),
    "calculate": ("calc", "compute", "evaluate", "solve", "math", "arithmetic"),
}
"""Other names that training gives the default tools."""

SAID = {
    "detect": (
        "Finds shapes.",
        "Finds the shapes of a picture.",
        "Counts and lists coloured shapes.",
        "Looks for things in an image.",
        "Tells which shapes there are, and where.",
        "Shapes, their colours, sizes and places.",
        "Finds objects; what: which.",
        "Detects circles, squares, stars and other shapes.",
        "Says how many of each shape and colour a scene has.",
    ),
    "read_text": (
        "Reads text.",
        "Reads the words on a page.",
        "Text recognition.",
        "Returns the lines of a receipt, sign or table.",
        "Optical character recognition.",
        "Tells what is written.",
        "Extracts words and numbers from an image.",
        "Reads every line of a document.",
        "What an image says, line by line.",
    ),
    "read_code": (
        "Reads codes.",
        "Decodes QR codes and barcodes.",
        "Scans bar codes.",
        "Content of the codes in an image.",
        "Finds and decodes machine-readable codes.",
        "Says what a QR code says.",
        "Barcode and QR scanner.",
    ),
    "transcribe": (
        "Speech to text.",
        "Turns speech into text.",
        "Listens to a recording.",
        "The words of a voice message.",
        "Says what is said.",
        "Types what somebody says.",
        "Recognises speech.",
        "Text of a sound clip.",
    ),
    "crop": ("Cuts a region out.", "A region as a picture of its own.", "Returns part of an image.", "Cuts out."),
    "zoom": ("Makes a picture larger.", "Enlarges.", "A picture, so many times as large.", "Magnifies an image."),
    "rotate": (
        "Turns a picture.",
        "Rotates an image by 90, 180 or 270 degrees.",
        "Turns a page upright.",
        "Straightens a page.",
        "A picture, turned.",
        "Rotates.",
        "Turns clockwise.",
    ),
    "measure_colour": (
        "Measures a colour.",
        "Which colour a picture has.",
        "The most frequent colour.",
        "Average colour of an image.",
        "Names the colour of a board.",
        "Dominant colour and its share.",
        "Says what colour something is.",
    ),
    "describe_media": (
        "Size of a picture or length of a clip.",
        "Tells the size in pixels.",
        "Facts of a file.",
        "Pixels across and down.",
        "How large an image is, how long a clip.",
        "Measures media.",
        "Reads the metadata.",
        "Dimensions.",
    ),
    "calculate": (
        "Calculates.",
        "A calculator.",
        "Evaluates arithmetic.",
        "The value of 2 + 3 * 4.",
        "Adds, subtracts, multiplies.",
        "Does sums.",
        "Arithmetic and comparisons.",
        "Computes a value.",
        "Compares and adds numbers.",
    ),
}
"""What training says of the default tools; `agentmm/eval/renamed.py` says none of it."""

NO_TOOL = "unanswerable: no tool for that"
"""What an episode ends with when what it needs is not offered."""


def offer(messages: Messages, signatures: Sequence[str], rng: np.random.Generator) -> Offered:
    """An episode with other tools around it: a subset, in random order, some renamed, invented ones among them.

    One time in twelve a tool that it calls first is not there, and the episode says so.

    Args:
        messages: an episode as `imagine` tells it.
        signatures: what it was told with.
        rng: the only source of chance.
    """
    used = list(dict.fromkeys(call["name"] for message in messages for call in message.get("tool_calls", ())))
    lacking = bool(used) and rng.random() < 1 / 12
    kept = [s for s in signatures if _name(s) in used or rng.random() < 0.5]
    if lacking:
        kept = [s for s in kept if _name(s) != used[0]]
        messages = [messages[0], {"role": "assistant", "content": NO_TOOL}]
    names = {_name(s): _renamed(_name(s), rng) for s in kept}
    told = [_described(names[_name(s)] + s[len(_name(s)) :], _name(s), rng) for s in kept]
    told += [_told(invent(rng), rng) for _ in range(int(rng.integers(0, 3)))]
    return _with_names(messages, names), _shuffled(told, rng)


def invented_episode(signatures: Sequence[str], rng: np.random.Generator) -> Offered:
    """A question that an invented tool answers, and the tools around it; one time in three that tool is not offered.

    What is asked for is noted first: so that the signatures are searched for it.
    """
    tool = invent(rng)
    asked = ask_for(tool, rng)
    told = [s for s in signatures if rng.random() < 0.5]
    others = (invent(rng) for _ in range(int(rng.integers(0, 4))))
    told += [_told(other, rng) for other in others if other.name != tool.name and other.noun != tool.noun]
    blocks: list[dict[str, Any]] = [{"type": kind, "file_id": f"{kind}_1"} for kind in asked.media]
    question = {"role": "user", "content": [*blocks, {"type": "text", "text": asked.text}]}
    if rng.random() < 1 / 3:
        return [question, {"role": "assistant", "content": concluded(tool.noun, NO_TOOL)}], _shuffled(told, rng)
    call = {"name": tool.name, "args": asked.arguments}
    messages = [
        question,
        {"role": "assistant", "content": tool.noun, "tool_calls": [call]},
        {"role": "tool", "content": json.dumps(asked.result, ensure_ascii=False)},
        {"role": "assistant", "content": asked.answer},
    ]
    return messages, _shuffled([*told, _told(tool, rng)], rng)


def _told(tool: Any, rng: np.random.Generator) -> str:
    """A signature, half of the time with what the tool does."""
    return f"{tool.signature} {tool.says}" if rng.random() < 0.5 else str(tool.signature)


def _name(signature: str) -> str:
    return signature.partition("(")[0]


def _renamed(name: str, rng: np.random.Generator) -> str:
    """The tool's own name, or half of the time another: one of those above, or one made up."""
    others, drawn = RENAMED.get(name, ()), rng.random()
    if not others or drawn < 1 / 2:
        return name
    if drawn < 3 / 4:
        return others[int(rng.integers(len(others)))]
    known = trained_words()
    parts = [
        made_up(rng) if rng.random() < 0.5 else known[int(rng.integers(len(known)))]
        for _ in range(int(rng.integers(1, 3)))
    ]
    return "_".join(parts)


def _described(signature: str, tool: str, rng: np.random.Generator) -> str:
    """A default tool's signature with what it does: always where its name does not tell, else one time in four."""
    name, says = _name(signature), SAID[tool]
    if name in (tool, *RENAMED[tool]) and rng.random() < 3 / 4:
        return signature
    return f"{signature} {says[int(rng.integers(len(says)))]}"


def _with_names(messages: Messages, names: dict[str, str]) -> Messages:
    """The episode with its calls, and what is said of failed ones, under other names."""
    told: Messages = []
    for message in messages:
        calls = [{**call, "name": names.get(call["name"], call["name"])} for call in message.get("tool_calls", ())]
        content = message["content"]
        for old, new in names.items():
            content = content.replace(f"{old} failed", f"{new} failed") if isinstance(content, str) else content
        told.append({**message, "content": content, **({"tool_calls": calls} if calls else {})})
    return told


def _shuffled(signatures: list[str], rng: np.random.Generator) -> list[str]:
    """In random order, each name once."""
    once = list({_name(s): s for s in signatures}.values())
    return [once[int(i)] for i in rng.permutation(len(once))]
