"""Which tools an episode offers: all in their order, or some, renamed, among invented ones, in random order.

A planner that has always seen the same ten tools learns their places, not to read. Here a told episode is told again
with other signatures; its calls take the new names, what they return stays as it is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from agentmm.world.invented import ask_for, invent, made_up
from agentmm.world.program import concluded
from agentmm.world.wordings.alternatives import sentences
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

SAYINGS = Path(__file__).parent / "sayings.yaml"
"""What training says of the default tools, patterns by two authors; `agentmm/eval/renamed.py` says none of it."""

RESERVED = frozenset(RENAMED)
"""Names that no other tool gets."""

OWN, OWN_ABROAD = 0.4, 0.1
"""How often a tool keeps its name, and in the episodes of `FOREIGN`."""

FOREIGN = 0.3
"""Share of the episodes with other tools around them in which no tool is left as it was."""

NO_TOOL = "unanswerable: no tool for that"
"""What an episode ends with when what it needs is not offered."""


def offer(messages: Messages, signatures: Sequence[str], rng: np.random.Generator) -> Offered:
    """An episode with other tools around it: a subset, in random order, some renamed, invented ones among them.

    One time in twelve a tool that it calls first is not there, and the episode says so. Three times in ten it is
    another house altogether: nearly all tools are under other names, all others are there, and every one is described.

    Args:
        messages: an episode as `imagine` tells it.
        signatures: what it was told with.
        rng: the only source of chance.
    """
    used = list(dict.fromkeys(call["name"] for message in messages for call in message.get("tool_calls", ())))
    lacking = bool(used) and rng.random() < 1 / 12
    foreign = bool(rng.random() < FOREIGN)
    kept = [s for s in signatures if foreign or _name(s) in used or rng.random() < 0.5]
    if lacking:
        kept = [s for s in kept if _name(s) != used[0]]
        messages = [messages[0], {"role": "assistant", "content": NO_TOOL}]
    names = {_name(s): _renamed(_name(s), rng, OWN_ABROAD if foreign else OWN) for s in kept}
    told = [_described(names[_name(s)] + s[len(_name(s)) :], _name(s), rng, always=foreign) for s in kept]
    told += [_told(invent(rng), rng) for _ in range(int(rng.integers(0, 3)))]
    return _with_names(messages, names), _shuffled(told, rng)


@lru_cache(maxsize=1)
def sayings() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Tool -> what may be said of it: the sentences of each pattern."""
    patterns = yaml.safe_load(SAYINGS.read_bytes())
    return {tool: tuple(sentences(pattern) for pattern in said) for tool, said in patterns.items()}


def saying(tool: str, rng: np.random.Generator) -> str:
    """What a default tool does, in some words: every pattern equally often."""
    said = sayings()[tool]
    among = said[int(rng.integers(len(said)))]
    return among[int(rng.integers(len(among)))]


def other_names(key: str) -> dict[str, tuple[str, str]]:
    """Default tool -> another name and what it does, the same for the same key; some keep their own."""
    rng = np.random.default_rng([31, zlib.crc32(key.encode())])
    names = {tool: _renamed(tool, rng, own=0.2) for tool in RENAMED}
    told = {tool: (name, saying(tool, rng)) for tool, name in names.items() if name != tool}
    used: set[str] = set(RENAMED) - set(told)
    once = {}
    for tool, (name, says) in told.items():
        if name not in used:
            once[tool] = (name, says)
        used.add(once.get(tool, (tool,))[0])
    return once


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


def _renamed(name: str, rng: np.random.Generator, own: float = OWN) -> str:
    """The tool's own name, so often, or another: one of those above, or as often one or two words, known or made up."""
    others, drawn = RENAMED.get(name, ()), rng.random()
    if not others or drawn < own:
        return name
    if drawn < own + (1 - own) / 3:
        return others[int(rng.integers(len(others)))]
    known = trained_words()
    parts = [
        made_up(rng) if rng.random() < 0.5 else known[int(rng.integers(len(known)))]
        for _ in range(int(rng.integers(1, 3)))
    ]
    made = "_".join(parts)
    return name if made in RESERVED else made


def _described(signature: str, tool: str, rng: np.random.Generator, *, always: bool) -> str:
    """A default tool's signature with what it does; where its name tells that, and not always, one time in four."""
    if not always and _name(signature) in (tool, *RENAMED[tool]) and rng.random() < 3 / 4:
        return signature
    return f"{signature} {saying(tool, rng)}"


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
