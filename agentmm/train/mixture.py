"""What the IT stage shows: traces, and beside them episodes that are imagined and drills, made anew every time.

Traces offer the ten default tools; the imagined episodes beside them other ones too, so that signatures are read. They
show their pictures like traces do: else a picture would mean the default tools to the planner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agentmm.planner.render import Renderer
from agentmm.train.demonstrations import joined, made_up_rows
from agentmm.train.drills import drill_rows
from agentmm.train.imagined_rows import concept_rows, everyday_rows, imagined_rows
from agentmm.train.meanings import meaning_rows
from agentmm.train.practice import practised
from agentmm.train.rowset import PixelFile, Row, RowSet

HELD = 32
"""Every 32nd trace is held out."""


@dataclass(frozen=True)
class Mixture:
    """Shares of what stands beside the traces.

    Attributes:
        drills: copying drills beside each trace.
        imagined: imagined episodes beside each trace.
        varied: share of these that are told with other tools around them.
        invented: episodes with an invented tool beside each of these.
        demonstrated: share of the traces that are shown after one or two others, as demonstrations.
        made_up: questions in words that do not exist, after demonstrations of the same, beside each trace.
        meanings: rows about words of the lexicon and about concepts beside each trace.
        concepts: whole episodes about concepts, with tools that do not exist, beside each trace.
        everyday: episodes about what is said in recordings beside each trace.
        practice: family -> how many times as often its traces and imagined episodes are shown.
    """

    drills: float = 0.4
    imagined: float = 0.7
    varied: float = 0.6
    invented: float = 0.35
    demonstrated: float = 0.15
    made_up: float = 0.08
    meanings: float = 2.0
    concepts: float = 0.0
    everyday: float = 0.0
    practice: Mapping[str, float] = field(default_factory=dict)

    def shown(self, rows: Sequence[Row], families: Sequence[str], seed: int, end: int) -> list[Row]:
        """The traces that are not held out, as often as they are practised, some after others as demonstrations.

        Args:
            rows: all traces.
            families: of each.
            seed: another seed gives another choice.
            end: id of the token that ends a turn.
        """
        rng = np.random.default_rng([23, seed])
        learnt = [i for i in range(len(rows)) if i % HELD != HELD - 1]
        chosen = practised(learnt, families, self.practice, rng)
        return joined([rows[i] for i in chosen], [families[i] for i in chosen], rng, self.demonstrated, end)

    def beside(self, renderer: Renderer, traces: int, seed: int, squares: PixelFile) -> list[Row]:
        """What stands beside so many traces; `squares` takes the pictures."""
        rows = list(drill_rows(renderer, int(traces * self.drills), seed))
        rows += meaning_rows(renderer, int(traces * self.meanings), seed)
        rows += concept_rows(renderer, int(traces * self.concepts), seed, squares)
        rows += everyday_rows(renderer, int(traces * self.everyday), seed)
        rows += made_up_rows(renderer, int(traces * self.made_up), seed, squares)
        if episodes := int(traces * self.imagined):
            rows += imagined_rows(
                renderer, episodes, seed, varied=self.varied, invented=self.invented, squares=squares,
                practice=self.practice,
            )  # fmt: skip
        return rows


@dataclass(frozen=True)
class Fresh:
    """Makes sets of what stands beside traces, in another process.

    Attributes:
        mixture: of what.
        folder: has the tokenizer.
        image_tokens: placeholders that one image takes.
        size: side of the squares, px.
        seed: of the first set; the others count on.
        traces: beside so many traces.
        respells: as the renderer does.
    """

    mixture: Mixture
    folder: Path
    image_tokens: int
    size: int
    seed: int
    traces: int = 400
    respells: bool = False

    def __call__(self, number: int, folder: Path) -> RowSet:
        """The set of a number."""
        renderer = Renderer.from_pretrained(self.folder, self.image_tokens, self.respells)
        squares = PixelFile(folder / "drawn.u8", self.size)
        rows = self.mixture.beside(renderer, self.traces, self.seed + number, squares)
        return RowSet.of(rows, squares.array(), self.size)
