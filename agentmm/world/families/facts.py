"""Families about a picture as such: its width, its height, its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentmm.world.families.family import Draw, Family, Rng, Slots, said, yes_no
from agentmm.world.program import Program, concluded, one


def _size(axis: int) -> Callable[[Sequence[Any], Rng, bool], Draw | None]:
    """Draw the width (axis 1) or the height (axis 0); 256 px, the most frequent, seldom."""

    def draw(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
        size = int(media[0].pixels.shape[axis])
        return Draw({}, (str(size),)) if size != 256 or rng.random() < 0.1 else None

    return draw


def _size_program(key: str) -> Callable[[Slots, Sequence[str]], Program]:
    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("describe_media", media=media[0])
        return concluded(f"{key} {seen[key]}", str(seen[key]))

    return program


def _upright(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    height, width = media[0].pixels.shape[:2]
    keep = height > width or (height < width and rng.random() < 0.12)  # most pages are wider than high
    return Draw({}, yes_no(height > width)) if keep else None


def _upright_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("describe_media", media=media[0])
    value = yield from one("calculate", expression=f"{seen['height']} > {seen['width']}")
    return said(bool(value["value"]))


_ANY = ("scene|receipt|label|sign",)

FAMILIES = [
    Family("width", "scene", "number", _ANY, _size(1), _size_program("width"), {}, 0.5),
    Family("height", "scene", "number", _ANY, _size(0), _size_program("height"), {}, 0.5),
    Family("upright", "scene", "yes_no", _ANY, _upright, _upright_program, {}, 0.3),
]
"""Facts of a picture."""
