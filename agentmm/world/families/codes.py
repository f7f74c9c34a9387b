"""Families about QR codes and bar codes, mostly both in one picture, so that the asked one must be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agentmm.world.codes import CodeKind, CodePicture, draw_payload, make_code
from agentmm.world.families.family import UNANSWERABLE, Draw, Family, Rng, Slots, said, yes_no
from agentmm.world.families.several import picture
from agentmm.world.program import Call, Observation, Program, cited, missing, one, several

NAMES = {"qr": "QR code", "ean13": "bar code"}
"""What people call the kinds of code."""


@dataclass(frozen=True)
class Codes:
    """A picture of one code or of two side by side; `pixels` is uint8 [H, W, 3]."""

    pixels: np.ndarray
    codes: tuple[CodePicture, ...]

    def payload(self, kind: str) -> str | None:
        """What the code of a kind says; None where the picture has none."""
        return next((code.payload for code in self.codes if code.kind == kind), None)


def make_codes(rng: Rng) -> Codes:
    """A QR code and a bar code side by side, two times in five one of them alone."""
    kinds: list[CodeKind] = ["qr", "ean13"] if rng.random() < 0.5 else ["ean13", "qr"]
    codes = tuple(make_code(rng, kind) for kind in kinds[: 1 if rng.random() < 0.4 else 2])
    height = max(code.pixels.shape[0] for code in codes)
    paper = codes[0].pixels[0, 0]
    tiles = []
    for code in codes:
        tile = np.empty((height, code.pixels.shape[1], 3), np.uint8)
        tile[:] = paper
        top = (height - code.pixels.shape[0]) // 2
        tile[top : top + code.pixels.shape[0]] = code.pixels
        tiles.append(tile)
    return Codes(np.concatenate(tiles, axis=1), codes)


def read(seen: Observation) -> list[tuple[str, str, str]]:
    """(handle, kind, content) of what `read_code` found: `region_1 qr HELLO`."""
    split = (str(entry).split(" ", 2) for entry in seen.get("codes", []))
    return [(parts[0], parts[1], parts[2]) for parts in split if len(parts) == 3]


def _content(kind: str) -> Callable[[Sequence[Codes], Rng, bool], Draw | None]:
    """Draw what the code of a kind says, beside a code of the other kind."""

    def draw(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
        payload = media[0].payload(kind)
        if absent:
            return Draw({}, UNANSWERABLE) if payload is None else None
        others = tuple(code.payload for code in media[0].codes if code.kind != kind)
        return Draw({}, (payload,), others) if payload and (others or rng.random() < 0.1) else None

    return draw


def _content_program(kind: str) -> Callable[[Slots, Sequence[str]], Program]:
    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("read_code", image=media[0])
        match = next((code for code in read(seen) if (code[1] == "qr") == (kind == "qr")), None)
        return cited(match[2], match[0]) if match else missing(NAMES[kind])

    return program


def _has(kind: str) -> Callable[[Sequence[Codes], Rng, bool], Draw | None]:
    def draw(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
        there = media[0].payload(kind) is not None
        return Draw({}, yes_no(there)) if not there or rng.random() < 0.25 else None  # one in five has none

    return draw


def _has_program(kind: str) -> Callable[[Slots, Sequence[str]], Program]:
    def program(slots: Slots, media: Sequence[str]) -> Program:
        seen = yield from one("read_code", image=media[0])
        return said(any((code[1] == "qr") == (kind == "qr") for code in read(seen)))

    return program


def _says(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
    """Whether the QR code says something; otherwise something like it."""
    payload = media[0].payload("qr")
    if payload is None:
        return None
    there = rng.random() < 0.5
    asked = payload if there else draw_payload(rng, "qr")
    return Draw({"a": asked}, yes_no(asked == payload))


def _says_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_code", image=media[0])
    return said(any(content.casefold() == slots["a"].casefold() for _, _, content in read(seen)))


def _text(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (media[0].codes[0].payload,))


def _text_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_code", image=media[0])
    codes = read(seen)
    return cited(codes[0][2], codes[0][0]) if codes else missing("code")


def _which(media: Sequence[CodePicture], rng: Rng, absent: bool) -> Draw | None:
    at = int(rng.integers(len(media)))
    return (
        Draw({"a": media[at].payload}, picture(at))
        if media[0].payload.casefold() != media[1].payload.casefold()
        else None
    )


def _which_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from several([Call("read_code", {"image": handle}) for handle in media])
    wanted = slots["a"].casefold()
    at = [i for i, found in enumerate(seen) if any(content.casefold() == wanted for _, _, content in read(found))]
    return picture(at[0])[0] if at else missing(slots["a"])


FAMILIES = [
    Family("qr_content", "code", "text", ("codes",), _content("qr"), _content_program("qr"), {}, 1.4, 0.1),
    Family("bar_content", "code", "text", ("codes",), _content("ean13"), _content_program("ean13"), {}, 1.2, 0.1),
    Family("has_qr", "code", "yes_no", ("codes",), _has("qr"), _has_program("qr"), {}, 0.2),
    Family("has_bar", "code", "yes_no", ("codes",), _has("ean13"), _has_program("ean13"), {}, 0.2),
    Family("qr_says", "code", "yes_no", ("codes",), _says, _says_program, {"a": "text"}, 0.25),
    Family("code_text", "code", "text", ("codes",), _text, _text_program, {}, 0),
    Family("which_code", "multi", "picture", ("code", "code"), _which, _which_program, {"a": "text"}, 0.3),
]
"""Codes."""
