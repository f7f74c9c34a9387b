"""Families over several pictures at once: which has more, how many in all, which one says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from agentmm.world.documents.page import Document
from agentmm.world.families.family import (
    UNANSWERABLE,
    Draw,
    Family,
    Rng,
    SlotKind,
    Slots,
    balanced,
    choose,
    said,
    yes_no,
)
from agentmm.world.families.prices import total_of
from agentmm.world.families.printed import alike, lines
from agentmm.world.families.things import find, lacking, named, present
from agentmm.world.program import Call, Program, concluded, missing, one, several, thinking
from agentmm.world.scenes import Scene

_KINDS = (("shape",), ("colour",), ("colour", "shape"))

BOARDS = {
    (255, 255, 255): "white", (250, 215, 60): "yellow", (30, 70, 150): "blue", (20, 100, 60): "green",
    (170, 25, 30): "red", (40, 40, 45): "black",
}  # fmt: skip
"""Names of the colours that signs are painted in."""


def picture(index: int) -> tuple[str, ...]:
    """The accepted names of a picture: `picture 2`, `image 2`, `the second picture`."""
    words = ("first", "second", "third", "fourth")
    return (f"picture {index + 1}", f"image {index + 1}", f"{words[index]} picture", f"{words[index]} image")


def _shared(scenes: Sequence[Scene], rng: Rng) -> str | None:
    """A thing that at least one of the scenes has."""
    which = choose(rng, _KINDS)
    return choose(rng, sorted({thing for scene in scenes for thing in present(scene, which)}))


def _counted(
    answer: Callable[[list[int]], tuple[str, ...] | None],
) -> Callable[[Sequence[Scene], Rng, bool], Draw | None]:
    """Draw a thing; `answer` gives the accepted forms from its count in each picture, or None."""

    def draw(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
        which = choose(rng, _KINDS)
        things = sorted({thing for scene in media for thing in present(scene, which)})
        answers = {thing: answer([len(find(scene, thing)) for scene in media]) for thing in things}
        thing = balanced(rng, [thing for thing in things if answers[thing]], lambda thing: answers[thing])
        return Draw({"a": thing}, answers[thing] or ()) if thing else None

    return draw


def _most(counts: list[int]) -> tuple[str, ...] | None:
    best = sorted(counts)[-2:]
    return picture(counts.index(best[1])) if best[0] < best[1] else None


def _only(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    """A thing that one picture alone has."""
    if absent:
        ghosts = (lacking(media[0], rng, ("colour", "shape")) for _ in range(10))
        ghost = next((g for g in ghosts if g and not any(find(scene, g) for scene in media)), None)
        return Draw({"a": ghost}, UNANSWERABLE) if ghost else None
    thing = _shared(media, rng)
    has = [i for i, scene in enumerate(media) if thing and find(scene, thing)]
    return Draw({"a": str(thing)}, picture(has[0])) if len(has) == 1 else None


def _equal(media: Sequence[Scene], rng: Rng, absent: bool) -> Draw | None:
    wanted = rng.random() < 0.75  # equal counts are seldom found
    for _ in range(8):
        thing = _shared(media, rng)
        if thing and (len({len(find(scene, thing)) for scene in media}) == 1) == wanted:
            return Draw({"a": thing}, yes_no(wanted))
    return None


def _each(tool: str, media: Sequence[str], **arguments: Any) -> list[Call]:
    """One call of a tool for each picture, to be made in one step."""
    slot = "media" if tool == "describe_media" else "image"
    return [Call(tool, {slot: handle, **arguments}) for handle in media]


def _from_counts(answer: Callable[[list[int], Slots], str]) -> Callable[[Slots, Sequence[str]], Program]:
    """Count the thing in every picture in one step and answer from the counts, which are noted."""

    def program(slots: Slots, media: Sequence[str]) -> Program:
        arguments = {"what": slots["a"]} if slots["a"] else {}
        seen = yield from several(_each("detect", media, **arguments))
        counts = [int(observation["count"]) for observation in seen]
        return concluded(", ".join(map(str, counts)), answer(counts, slots))

    return program


def _best(counts: list[int], slots: Slots) -> str:
    return picture(counts.index(max(counts)))[0] if max(counts) else missing(named(slots["a"]))


def _says(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """Which of the signs says something; the first lines differ clearly."""
    titles = [sign.lines[0] for sign in media]
    if any(alike(a, b) > 0.6 for i, a in enumerate(titles) for b in titles[:i]):
        return None
    at = int(rng.integers(len(titles)))
    return Draw({"a": titles[at]}, picture(at))


def _says_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from several(_each("read_text", media))
    best, at = max((_likeness(observation, slots["a"]), -i) for i, observation in enumerate(seen))
    return picture(-at)[0] if best >= 0.7 else missing(slots["a"])


def _likeness(seen: dict[str, Any], text: str) -> float:
    """How like the asked text the most similar line is."""
    wanted = text.casefold()
    return max((1.0 if wanted in line.text.casefold() else alike(line.text, text) for line in lines(seen)), default=0.0)


def _sign(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """All that one of the signs says."""
    at = int(rng.integers(len(media)))
    if len(media[at].lines) < 2:
        return None
    others = tuple(line for i, sign in enumerate(media) if i != at for line in sign.lines)
    text = " ".join(media[at].lines)
    if any(other.casefold() in text.casefold() for other in others):
        return None
    return Draw({"b": str(at + 1)}, (text,), others)


def _sign_program(slots: Slots, media: Sequence[str]) -> Program:
    at = int(slots["b"]) - 1
    if not 0 <= at < len(media):
        return missing(f"picture {slots['b']}")
    seen = yield from one("read_text", image=media[at])
    return " ".join(line.text for line in lines(seen)) or missing("text")


def _bill(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """Which of two bills has the higher total."""
    first, second = (Decimal(bill.total) for bill in media)
    return Draw({}, picture(0 if first > second else 1)) if first != second else None


def _bill_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from several(_each("read_text", media[:2]))
    totals = [total_of(lines(observation)) for observation in seen]
    numbers = [found.number for found in totals if found and found.number]
    if len(numbers) < 2:
        return missing("total")
    value = yield from thinking(", ".join(numbers), "calculate", expression=f"{numbers[0]} > {numbers[1]}")
    return picture(0 if value["value"] else 1)[0]


def _painted(media: Sequence[Document], rng: Rng, absent: bool) -> Draw | None:
    """Which of the signs is painted in a colour."""
    boards: dict[tuple[int, ...], str] = {**BOARDS}
    names = [boards.get(tuple(sign.look.paper)) for sign in media]
    if absent:
        name = choose(rng, [name for name in BOARDS.values() if name not in names])
        return Draw({"a": name}, UNANSWERABLE)
    at = int(rng.integers(len(names)))
    return Draw({"a": str(names[at])}, picture(at)) if names[at] and names.count(names[at]) == 1 else None


def _painted_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from several(_each("measure_colour", media))
    at = [i for i, observation in enumerate(seen) if observation["colour"] == slots["a"]]
    noted = ", ".join(f"{number} {observation['colour']}" for number, observation in enumerate(seen, 1))
    return concluded(noted, picture(at[0])[0] if at else missing(f"{slots['a']} picture"))


def _wider(media: Sequence[Any], rng: Rng, absent: bool) -> Draw | None:
    first, second = (int(m.pixels.shape[1]) for m in media)
    return Draw({}, picture(0 if first > second else 1)) if abs(first - second) >= 2 else None


def _wider_program(slots: Slots, media: Sequence[str]) -> Program:
    seen = yield from several(_each("describe_media", media[:2]))
    widths = [str(observation["width"]) for observation in seen]
    value = yield from thinking(", ".join(widths), "calculate", expression=" > ".join(widths))
    return picture(0 if value["value"] else 1)[0]


_THINGS: dict[str, SlotKind] = {"a": "things"}
_TWO, _THREE = ("scene",) * 2, ("scene",) * 3

FAMILIES = [
    Family("more_in_picture", "multi", "picture", _TWO, _counted(_most), _from_counts(_best), _THINGS, 0.45),
    Family("most_in_picture", "multi", "picture", _THREE, _counted(_most), _from_counts(_best), _THINGS, 0.6),
    Family(
        "in_all_pictures", "multi", "number", _TWO, _counted(lambda counts: (str(sum(counts)),)),
        _from_counts(lambda counts, slots: str(sum(counts))), _THINGS, 0.8,
    ),
    Family(
        "pictures_with", "multi", "number", _THREE, _counted(lambda counts: (str(sum(n > 0 for n in counts)),)),
        _from_counts(lambda counts, slots: str(sum(n > 0 for n in counts))), _THINGS, 0.6,
    ),
    Family("which_has", "multi", "picture", _TWO, _only, _from_counts(_best), {"a": "thing"}, 0.5, 0.12),
    Family(
        "same_in_both", "multi", "yes_no", _TWO, _equal,
        _from_counts(lambda counts, slots: said(len(set(counts)) == 1)), _THINGS, 0.3,
    ),
    Family("which_says", "multi", "picture", ("sign", "sign"), _says, _says_program, {"a": "text"}, 0.4),
    Family("sign_says", "multi", "text", ("sign", "sign"), _sign, _sign_program, {"b": "number"}, 1.3),
    Family("which_painted", "multi", "picture", ("sign",) * 2, _painted, _painted_program, {"a": "colour"}, 0.35, 0.1),
    Family("higher_bill", "multi", "picture", ("receipt", "receipt"), _bill, _bill_program, {}, 0.35),
    Family("wider_picture", "multi", "picture", ("scene|label|sign",) * 2, _wider, _wider_program, {}, 0.3),
]  # fmt: skip
"""Several pictures at once."""
