"""Glimpse rows for the PT stage: a question that the picture decides, and the one turn that follows from looking.

What a sight family answers, whether a page is turned before it is read, whether a picture is read or searched: as
the planner is asked it, with the tools' signatures before it, and nothing after the first turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentmm.model.pixels import square_pixels
from agentmm.planner.render import Renderer
from agentmm.train.imagined_rows import SIGNATURES
from agentmm.train.rowset import PixelFile, Row, RowSet
from agentmm.world.families import by_look, sight
from agentmm.world.program import advance
from agentmm.world.sample import Question, handles_of, sample_questions

FAMILIES = (
    *(family.name for family in (*sight.FAMILIES, *by_look.FAMILIES)),
    *("value", "date", "store", "sign_line", "price", "bill_total"),
)
"""Whose first turn is shown: those that the picture decides, and upright pages beside the turned ones."""


def glimpse_rows(renderer: Renderer, n: int, seed: int, folder: Path, size: int) -> RowSet:
    """Rendered first turns of training questions with their pictures; the squares are kept in `folder`."""
    squares, rows = PixelFile(folder / f"glimpses_{seed}.u8", size), []
    for question in sample_questions("train", n, seed, families=FAMILIES, per_picture=1):
        images = [
            squares.add(f"{medium.recipe}_{medium.seed}", square_pixels(medium.pixels, size))
            for medium in question.media
        ]
        rows.append(_row(renderer, question, images))
    return RowSet.of(rows, squares.array(), size)


def _row(renderer: Renderer, question: Question, images: list[int]) -> Row:
    handles = handles_of([medium.kind for medium in question.media])
    blocks: list[dict[str, Any]] = [{"type": "image", "file_id": handle} for handle in handles]
    asked = {"role": "user", "content": [*blocks, {"type": "text", "text": question.text}]}
    media = {handle: {"kind": "image", "sha": ""} for handle in handles}
    rendered = renderer.render([asked, first_turn(question)], SIGNATURES, media)
    return Row(rendered.ids, rendered.loss_mask, images)


def first_turn(question: Question) -> dict[str, Any]:
    """The assistant's turn that a question's gold program begins with."""
    step = advance(question.program, [])
    if isinstance(step, str):
        return {"role": "assistant", "content": step}
    calls = [{"name": call.tool, "args": call.arguments} for call in step]
    return {"role": "assistant", "content": step[0].thought, "tool_calls": calls}
