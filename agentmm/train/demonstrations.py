"""Rows with demonstrations: one or two episodes before the question, as `Agent(examples=...)` puts them there.

Some join episodes of traces. Others ask in words that do not exist, or that mean other things, the same in the
demonstration and in the question: what is asked can only be read off the demonstration. Most of these are of families
that have no words at all (`agentmm.world.families.coined`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from agentmm.planner.render import Renderer
from agentmm.train.imagined import Messages, Unimaginable, imagine
from agentmm.train.imagined_rows import HANDLES, SIGNATURES, squares_of
from agentmm.train.rowset import PixelFile, Row
from agentmm.world.families import COINED, FAMILIES, Family
from agentmm.world.families.sight import SEEN
from agentmm.world.invented import made_up
from agentmm.world.sample import sample_questions
from agentmm.world.wordings.skeletons import strange_words, trained_words

MOST = 2
"""Demonstrations before a question."""

COINED_SHARE = 0.6
"""Share of the questions in made-up words that are of coined families."""

_OPENINGS = ("", "", "Tell me the", "Please", "What", "How", "Give me the", "I need the")


def joined(rows: Sequence[Row], families: Sequence[str], rng: np.random.Generator, share: float, end: int) -> list[Row]:
    """The rows, some of them after one or two others, mostly of their own family, that offer the same tools.

    Args:
        rows: episodes that begin with the turn of the tools.
        families: of each row.
        rng: the only source of chance.
        share: of rows that get demonstrations.
        end: id of the token that ends a turn.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for index, family in enumerate(families):
        alike[family].append(index)
    told = []
    for index, row in enumerate(rows):
        if rng.random() >= share:
            told.append(row)
            continue
        among = alike[families[index]] if rng.random() < 0.75 else range(len(rows))
        picks = {int(among[int(i)]) for i in rng.integers(len(among), size=int(rng.integers(1, MOST + 1)))} - {index}
        told.append(_after([rows[pick] for pick in sorted(picks)], row, end))
    return told


def _after(demonstrations: Sequence[Row], row: Row, end: int) -> Row:
    """A row after others; those that offer other tools are left out."""
    head = list(row.ids[: list(row.ids).index(end) + 1])
    kept = [one for one in demonstrations if list(one.ids[: len(head)]) == head]
    if not kept:
        return row
    ids, mask, images = list(head), [0] * len(head), []
    for one in (*kept, row):
        ids += list(one.ids[len(head) :])
        mask += list(one.mask[len(head) :])
        images += list(one.images)
    return Row(ids, mask, images)


def made_up_rows(renderer: Renderer, n: int, seed: int, squares: PixelFile | None = None) -> list[Row]:
    """Questions of the practice world in words that do not exist, after demonstrations of the same.

    The same rows for the same arguments; loss on the last question's turns alone.

    Args:
        renderer: the one renderer.
        n: how many.
        seed: another seed gives other rows.
        squares: takes the pictures; None leaves bare placeholders.
    """
    rng = np.random.default_rng([19, seed])
    asked = [family for family in FAMILIES.values() if family.weight > 0 and family.group not in ("sight", "audio")]
    coined = list(COINED.values())
    rows = []
    for number in range(n):
        among = coined if rng.random() < COINED_SHARE else asked
        family = among[int(rng.integers(len(among)))]
        row = _made_up(renderer, family, rng, 1000 * seed + number, squares)
        if row is not None:
            rows.append(row)
    return rows


def _made_up(
    renderer: Renderer, family: Family, rng: np.random.Generator, seed: int, squares: PixelFile | None
) -> Row | None:
    template = template_of(family, rng)
    wordings = {family.name: (template, varied(template, rng)) if rng.random() < 0.5 else (template,)}
    count = 1 + int(rng.integers(1, MOST + 1))
    questions = list(sample_questions("train", count, seed, families=[family.name], wordings=wordings, per_picture=1))
    if any(SEEN in question.slots for question in questions):
        return None
    try:
        episodes = [imagine(question, rng) for question in questions]
    except Unimaginable:
        return None
    shown: Messages = [message for episode in episodes[:-1] for message in episode]
    before = len(renderer.render(shown, SIGNATURES, HANDLES).ids)
    whole = renderer.render([*shown, *episodes[-1]], SIGNATURES, HANDLES)
    images = squares_of((medium for question in questions for medium in question.media), squares)
    return Row(whole.ids, [0] * before + whole.loss_mask[before:], images)


def template_of(family: Family, rng: np.random.Generator) -> str:
    """A template of a family in words that do not exist, or that mean other things: `What brantol {a} skeaf {b}?`."""
    known = strange_words(family.name) if family.name in FAMILIES else trained_words()
    exist = rng.random() < 0.4
    count = int(rng.integers(1, 5 if exist else 3))
    words = [str(known[int(rng.integers(len(known)))]) if exist else made_up(rng) for _ in range(count)]
    for slot in sorted(family.slots):
        words.insert(int(rng.integers(len(words) + 1)), f"{{{slot}}}")
    text = " ".join([_OPENINGS[int(rng.integers(len(_OPENINGS)))], *words]).strip()
    return text + ("?" if rng.random() < 0.7 else "")


def varied(template: str, rng: np.random.Generator) -> str:
    """The same with another opening and perhaps a word more: `Tell me the brantol {a} skeaf {b} plore`."""
    words = template.rstrip("?").split()
    at = int(rng.integers(len(words) + 1))
    more = [made_up(rng)] if rng.random() < 0.5 else []
    return " ".join([_OPENINGS[int(rng.integers(len(_OPENINGS)))], *words[:at], *more, *words[at:]]).strip()
