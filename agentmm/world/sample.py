"""Samples questions: which family, over which media, in which words, for which split.

Pictures of different splits have different seeds; in training several questions share a picture, so that what a
slow tool finds in it can be kept. Knows no tool and no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from agentmm.world.asking import Match, fill, in_order
from agentmm.world.families import COINED, FAMILIES, Draw, Family, family_of
from agentmm.world.lexicon import like_words
from agentmm.world.program import Call, Program, advance, guarded
from agentmm.world.sources import SPLITS, Medium, media_seed, medium
from agentmm.world.wordings.manner import (
    HASTY,
    SHARES,
    UNKNOWN_SHARE,
    as_typed,
    with_like_words,
    with_manner,
    with_unknown_words,
)
from agentmm.world.wordings.skeletons import skeletons, strange_words, wordings_of

FAULT_SHARE = {"train": 0.04, "hard": 0.5}
"""Share of a split's questions in which tools fail: the first one or, in training, it finds nothing."""

FLAKY_SHARE, FLAKY = 0.7, {"tool": "", "kind": "flaky", "share": 0.5, "times": 3}
"""Share of the hard questions with faults in which any call may fail once, wherever in the run.

Gold traces have none such: what to do then a planner learns from its own.
"""

RENAMED_SHARE = {"hard": 0.15, "train": 0.35}
"""Share of the hard questions whose tools have names and descriptions of no training (`agentmm.eval.renamed`).

Training questions that are asked as hard ones have others, of training's own (`agentmm.train.offers`), and more often:
there runs disagree, which is what pairs are made of.
"""

UNKNOWN_AS_HARD = 0.6
"""Share of training questions asked as hard ones in which words are replaced by words that do not exist."""

BLURRED_SHARE, BLUR_PX = 0.4, (0.8, 1.8)
"""Share of the hard questions whose pictures are blurred once more, and by how much."""

LASTING = 99
"""How many calls fail of a tool that is out of order for good."""

_EMPTY = frozenset({"detect", "read_text", "read_code", "transcribe"})
_PER_PICTURE = {"train": 4, "val": 2, "test": 1, "hard": 1}
_TRIES = 400


@dataclass(frozen=True)
class Question:
    """A question with its media, its accepted answers and its gold program.

    Attributes:
        id: unique within the world.
        family: name of its family.
        group: `scene`, `document`, `code`, `multi`, `audio`, `sound_note` or `plain`.
        split: `train`, `val` or `test`.
        wording: number of its template among the family's wordings.
        seen: whether that template is used in training.
        text: the question.
        media: what comes with it, in order; `image_1` is the first picture, `audio_1` the first sound.
        accepted: the accepted answers.
        kind: what its answers are, for the scorer.
        others: further answers of that kind that must not be named beside the right one.
        slots: what the words hold.
        fault: None, or what shall go wrong on purpose: `{"tool": name, "kind": "error" | "empty", "times": n}`, the
            first n calls of the tool: 1 or 2, `LASTING` where the honest answer is `unanswerable`; or `FLAKY`.
        renamed: whether its tools have other names than their own.
    """

    id: str
    family: str
    group: str
    split: str
    wording: int
    seen: bool
    text: str
    media: tuple[Medium, ...]
    accepted: tuple[str, ...]
    kind: str
    others: tuple[str, ...] = ()
    slots: dict[str, str] = field(default_factory=dict)
    fault: dict[str, Any] | None = None
    renamed: bool = False

    @property
    def answerable(self) -> bool:
        """Whether the question has an answer in its media."""
        return self.accepted != ("unanswerable",)

    @property
    def truth(self) -> dict[str, Any]:
        """What the question was made from, as JSON."""
        media = [asdict(medium) for medium in self.media]
        return {"family": self.family, "slots": dict(self.slots), "media": media, "accepted": list(self.accepted)}

    def program(self) -> Program:
        """A fresh gold program."""
        return program_of(self.family, self.slots, [m.kind for m in self.media])


def handles_of(kinds: Sequence[str]) -> list[str]:
    """Handles of media in order: (`image`, `audio`, `image`) -> `image_1`, `audio_1`, `image_2`."""
    return [f"{kind}_{list(kinds[: i + 1]).count(kind)}" for i, kind in enumerate(kinds)]


def program_of(family: str, slots: dict[str, str], kinds: Sequence[str]) -> Program:
    """The gold program of a family for some slots and kinds of media."""
    return guarded(family_of(family).program(slots, handles_of(kinds)))


def program_for(found: Match, kinds: Sequence[str]) -> Program:
    """The gold program of a user's question that `match_question` has found."""
    return program_of(found.family, found.slots, kinds)


def sample_questions(
    split: str,
    n: int,
    seed: int = 0,
    *,
    families: Sequence[str] | None = None,
    wordings: Mapping[str, Sequence[str]] | None = None,
    per_picture: int | None = None,
    typed: bool = False,
    evenness: float = 0.0,
    practice: Mapping[str, float] | None = None,
    as_hard: bool = False,
    faulty: float | None = None,
) -> Iterator[Question]:
    """Sample questions, always the same for the same arguments.

    Args:
        split: `train` (seen wordings as people type them, faults), `val` (seen wordings), `test` (half seen, half
            unseen) or `hard` (unseen wordings and words that no training has, typed in a hurry, tools that fail, tools
            under other names, heavier blur).
        n: how many.
        seed: another seed gives other questions.
        families: only these.
        wordings: family -> templates to use instead of the world's own; families not named are left out.
        per_picture: questions that share their media; 4 in training, else 1 or 2.
        typed: whether wordings come as people type them: openings, lower case, typing errors; in `train` and
            `hard` they do.
        evenness: 0 for as many questions of each family as its weight says, 1 for as many of each; between, between.
        practice: family -> how many times as often it is asked.
        as_hard: `train` under the conditions of `hard`: tools fail as often and as long, pictures are blurred, and
            for the words that it does not know, six in ten questions hold some that do not exist.
        faulty: share of the questions in which tools fail, in place of the split's own.

    Yields:
        The questions.

    Raises:
        ValueError: an unknown split or family.
    """
    more = practice or {}
    chosen = [
        replace(family, weight=family.weight ** (1 - evenness) * more.get(family.name, 1.0))
        for family in _chosen(families, wordings)
    ]
    sampler = _Sampler(split, seed, chosen, wordings, typed=typed, as_hard=as_hard, faulty=faulty)
    together = per_picture or _PER_PICTURE[split]
    made = 0
    while made < n:
        for question in sampler.group(min(together, n - made)):
            made += 1
            yield question


def _chosen(families: Sequence[str] | None, wordings: Mapping[str, Sequence[str]] | None) -> list[Family]:
    names = list(families or (wordings if wordings is not None else FAMILIES))
    unknown = [name for name in names if name not in FAMILIES and not (wordings and name in COINED)]
    if unknown or not names:
        raise ValueError(f"unknown families {unknown}; known are {sorted(FAMILIES)}")
    return [family_of(name) for name in names if families or wordings or FAMILIES[name].weight > 0]


class _Sampler:
    """Keeps the families in balance while it deals questions."""

    def __init__(
        self,
        split: str,
        seed: int,
        families: list[Family],
        wordings: Mapping[str, Sequence[str]] | None,
        *,
        typed: bool,
        as_hard: bool,
        faulty: float | None = None,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; expected one of {SPLITS}")
        if as_hard and split != "train":
            raise ValueError(f"only training questions are asked as hard ones; got {split!r}")
        self.as_hard, self.hardness = as_hard, "hard" if as_hard else split
        self.conditions = "hard-" * as_hard + ("" if faulty is None else f"{faulty:g}-")
        self.faulty = FAULT_SHARE.get(self.hardness, 0.0) if faulty is None else faulty
        self.split, self.seed, self.families, self.wordings, self.typed = split, seed, families, wordings, typed
        self.rng, self.words = (np.random.default_rng([SPLITS.index(split), seed, *more]) for more in ((), (1,)))
        self.dealt: Counter[str] = Counter()
        self.made = 0

    def group(self, size: int) -> Iterator[Question]:
        """Questions that share their media, from as many families as possible."""
        lead = self._next(self.families)
        media, draw = self._media(lead)
        yield self._question(lead, media, draw)
        asked = {(lead.name, *draw.slots.values())}
        alike = [family for family in self.families if family.needs == lead.needs]
        for _ in range(size - 1):
            more = self._further(alike, media, asked)
            if more is None:
                return
            asked.add((more[0].name, *more[1].slots.values()))
            yield self._question(more[0], media, more[1])

    def _next(self, families: Sequence[Family]) -> Family:
        """The family furthest behind its share, ties by chance."""
        return min(families, key=lambda f: (self.dealt[f.name] + self.rng.random()) / (f.weight or 1))

    def _media(self, family: Family) -> tuple[tuple[Medium, ...], Draw]:
        """Media that allow a question of the family."""
        absent = self.rng.random() < family.absent
        for _ in range(_TRIES):
            media = tuple(self._medium(need) for need in family.needs)
            draw = family.draw([m.truth for m in media], self.rng, absent)
            if draw is not None:
                return self._blurred(media), draw
        raise ValueError(f"no media for family {family.name!r} in {_TRIES} tries")

    def _blurred(self, media: tuple[Medium, ...]) -> tuple[Medium, ...]:
        """The media of a hard question, some of them blurred."""
        if self.hardness != "hard" or self.rng.random() >= BLURRED_SHARE:
            return media
        blur_px = round(float(self.rng.uniform(*BLUR_PX)), 1)
        return tuple(replace(one, blur_px=blur_px) if one.kind == "image" else one for one in media)

    def _medium(self, need: str) -> Medium:
        recipes = need.split("|")
        return medium(recipes[int(self.rng.integers(len(recipes)))], media_seed(self.split, self.rng))

    def _further(
        self, families: Sequence[Family], media: tuple[Medium, ...], asked: set[tuple[str, ...]]
    ) -> tuple[Family, Draw] | None:
        """Another question over media that are there."""
        truths = [m.truth for m in media]
        left = list(families)
        while left:
            family = self._next(left)
            left.remove(family)
            draw = family.draw(truths, self.rng, self.rng.random() < family.absent)
            if draw is not None and (family.name, *draw.slots.values()) not in asked:
                return family, draw
        return None

    def _question(self, family: Family, media: tuple[Medium, ...], draw: Draw) -> Question:
        number, template, seen = self._wording(family)
        if self.split == "train" and self.wordings is None:
            template = with_like_words(template, self.words, like_words(family.name))
            template = with_unknown_words(
                template, self.words, UNKNOWN_AS_HARD if self.as_hard else UNKNOWN_SHARE, strange_words(family.name)
            )
        if self.typed or self.split in ("train", "hard"):
            template = with_manner(template, self.words, HASTY if self.hardness == "hard" else SHARES)
        slots = draw.slots
        if self.typed or self.split == "train":
            slots = as_typed(template, slots, self.words)
        self.dealt[family.name] += 1
        self.made += 1
        question = Question(
            id=f"{self.split}-{self.seed}-{self.conditions}{self.made:06d}-{family.name}",
            family=family.name, group=family.group, split=self.split, wording=number, seen=seen,
            text=fill(template, slots, family.slots), media=media, accepted=draw.accepted,
            kind=draw.kind or family.kind, others=draw.others, slots=in_order(template, slots),
            renamed=self.hardness == "hard" and bool(self.rng.random() < RENAMED_SHARE.get(self.split, 0.0)),
        )  # fmt: skip
        return self._with_fault(question)

    def _wording(self, family: Family) -> tuple[int, str, bool]:
        """Number, template and whether it is a training wording; other wordings leave the pictures as they are."""
        self.rng.integers(2)
        if self.wordings is not None:
            templates, first, seen = list(self.wordings[family.name]), 0, False
        else:
            own = wordings_of(family.name)
            seen = self.split in ("train", "val") or (self.split == "test" and self._turn(family) % 2 == 0)
            templates, first = list(own.seen if seen else own.unseen), 0 if seen else len(own.seen)
            if self.split == "hard" and family.name in skeletons() and self.words.random() < 0.5:
                templates, first = list(skeletons()[family.name].free), len(own.every)
        number = int(self.words.integers(len(templates)))
        return first + number, templates[number], seen

    def _turn(self, family: Family) -> int:
        """Counts a family's questions; every other family begins with a wording never trained on."""
        return self.dealt[family.name] + self.families.index(family)

    def _with_fault(self, question: Question) -> Question:
        if self.hardness not in FAULT_SHARE or self.rng.random() >= self.faulty:
            return question
        first = advance(question.program, [])
        if isinstance(first, str) or not first:
            return question
        if self.hardness == "hard" and self.rng.random() < FLAKY_SHARE:
            return replace(question, fault=dict(FLAKY))
        fault = self._fault(first[0])
        if self.hardness == "hard" and fault["times"] > 1:
            if len(first) > 1:  # side by side they would spend a run's budget of errors before it can say so
                return replace(question, fault={**fault, "times": 1})
            return replace(question, fault={**fault, "times": LASTING}, accepted=("unanswerable",))
        return replace(question, fault=fault)

    def _fault(self, call: Call) -> dict[str, Any]:
        empty = self.hardness == "train" and call.tool in _EMPTY and self.rng.random() < 0.3
        times = 1 if empty or self.rng.random() < 0.5 else 2
        return {"tool": call.tool, "kind": "empty" if empty else "error", "times": times}
