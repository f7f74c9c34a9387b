"""Families whose first call depends on what the picture shows, not on the words: the planner must look before it acts.

"What does it come to?" reads a receipt, adds up a chart and counts shapes; a page that lies on its side is turned
before it is read. What eyes tell is in the slots under `SEEN`, as in `agentmm.world.families.sight`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentmm.world.documents.page import Document
from agentmm.world.families import codes, documents, prices, scene_counts
from agentmm.world.families.codes import Codes
from agentmm.world.families.codes import read as read_codes
from agentmm.world.families.documents import bars_of
from agentmm.world.families.family import Draw, Family, Rng, Slots
from agentmm.world.families.printed import lines
from agentmm.world.families.sight import SEEN
from agentmm.world.program import Program, cited, missing, noting, one, thinking
from agentmm.world.scenes import Scene
from agentmm.world.sights import TurnedPage

Draws = Callable[[Sequence[Any], Rng, bool], Draw | None]
Programs = Callable[[Slots, Sequence[str]], Program]


def _named(families: Sequence[Family]) -> dict[str, Family]:
    return {family.name: family for family in families}


_SCENE, _PRICES, _PAGES, _CODES = map(
    _named, (scene_counts.FAMILIES, prices.FAMILIES, documents.FAMILIES, codes.FAMILIES)
)


def _kind_of(truth: Any) -> str:
    """`scene`, `codes`, or the kind of a page."""
    if isinstance(truth, Scene):
        return "scene"
    return "codes" if isinstance(truth, Codes) else str(truth.kind)


def _either(draws: Mapping[str, Draws]) -> Draws:
    """Draw by what the picture shows, and note it."""

    def draw(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
        kind = _kind_of(media[0])
        drawn = draws[kind](media, rng, False)
        return None if drawn is None else replace(drawn, slots={**drawn.slots, SEEN: kind})

    return draw


def _by_kind(programs: Mapping[str, Programs]) -> Programs:
    """Note what the picture shows and go on by that."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        if slots.get(SEEN) not in programs:
            yield from ()
            return "unanswerable: a program has no eyes"
        return (yield from noting(slots[SEEN], programs[slots[SEEN]](slots, media)))

    return program


def _bars(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """The sum of all bars, where each stands on a line with its value."""
    bars = bars_of(media[0])
    if len(bars) < len(media[0].series) or len(bars) > 5:
        return None
    return Draw({}, (str(sum(int(value) for _, value in bars)),), kind="number")


def _bars_program(slots: Slots, media: Sequence[str]) -> Program:
    """Add up every line that ends in a number."""
    seen = yield from one("read_text", image=media[0])
    found = [(line.handle, value) for line in lines(seen) if (value := line.text.split()[-1:]) and value[0].isdigit()]
    if not found:
        return missing("bar")
    total = yield from one("calculate", expression=" + ".join(value[0] for _, value in found))
    return cited(str(total["value"]), *(handle for handle, _ in found))


def _number_of_codes(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
    return Draw({}, (str(len(media[0].codes)),))


def _codes_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from one("read_code", image=media[0])
    return str(len(read_codes(seen)))


def _few_codes(media: Sequence[Codes], rng: Rng, absent: bool) -> Draw | None:
    """All that the code says, where there is one."""
    return _CODES["code_text"].draw(media, rng, absent) if len(media[0].codes) == 1 else None


def _turned(family: Family) -> Family:
    """The family over pages that lie on their side or stand on their head."""

    def draw(media: Sequence[TurnedPage], rng: Rng, absent: bool) -> Draw | None:
        drawn = family.draw([media[0].page], rng, absent)
        return None if drawn is None else replace(drawn, slots={**drawn.slots, SEEN: str(media[0].degrees)})

    def program(slots: Slots, media: Sequence[str]) -> Program:
        if not slots.get(SEEN, "").isdigit():
            return (yield from family.program(slots, media))
        degrees = int(slots[SEEN])
        turned = yield from thinking(f"turn it by {degrees}", "rotate", image=media[0], degrees=degrees)
        return (yield from family.program(slots, [str(turned["image"])]))

    needs = "|".join(f"turned_{kind}" for kind in family.needs[0].split("|"))
    return replace(
        family, name=f"turned_{family.name}", group="sight", needs=(needs,), draw=draw, program=program, weight=1.2
    )


_READ = (_PAGES["value"], _PAGES["date"], _PAGES["store"], _PAGES["sign_line"], _PRICES["price"], _PRICES["bill_total"])
"""Families that are asked of turned pages too."""

FAMILIES = [
    Family(
        "comes_to", "sight", "number", ("receipt|chart|scene",),
        _either({
            "receipt": _PRICES["bill_total"].draw, "chart": _bars, "scene": _SCENE["total"].draw,
        }),
        _by_kind({
            "receipt": _PRICES["bill_total"].program, "chart": _bars_program, "scene": _SCENE["total"].program,
        }),
        {}, 1.2,
    ),
    Family(
        "how_many_here", "sight", "number", ("scene|codes|sign",),
        _either({"scene": _SCENE["total"].draw, "codes": _number_of_codes, "sign": _PAGES["line_count"].draw}),
        _by_kind({
            "scene": _SCENE["total"].program, "codes": _codes_program, "sign": _PAGES["line_count"].program,
        }),
        {}, 1.2,
    ),
    Family(
        "what_it_says", "sight", "text", ("sign|codes",),
        _either({"sign": _PAGES["sign_text"].draw, "codes": _few_codes}),
        _by_kind({"sign": _PAGES["sign_text"].program, "codes": _CODES["code_text"].program}),
        {}, 1,
    ),
    *map(_turned, _READ),
]  # fmt: skip
"""Looking first."""
