"""Copying drills: what is learnt stands in what was read, and equal seeds give equal drills."""

import json
from pathlib import Path

import pytest

from agentmm.planner.render import Renderer
from agentmm.train.drills import drill_rows

NANO = Path(__file__).parents[2] / "agentmm" / "weights" / "nano"


@pytest.fixture(scope="module")
def renderer():
    return Renderer.from_pretrained(NANO)


def learnt_and_read(row):
    learnt = [i for i, loss in zip(row.ids, row.mask, strict=True) if loss]
    return learnt, [i for i, loss in zip(row.ids, row.mask, strict=True) if not loss]


def answer_of(question, lines):
    """What a reader of the numbered lines, or of the tallies, answers."""
    if isinstance(lines, dict):
        return str(len(lines[question.removeprefix("different ")]))
    fields = {handle: rest for handle, *rest in (line.split(" ") for line in lines)}
    words = question.split(" ")
    if len(words) == 1:
        return next(f"[{handle}] {rest[1]}" for handle, rest in fields.items() if place(question, rest) == 0)
    if len(words) == 3 and words[1] == "of":
        column = ("first", "second", "third", "fourth").index(words[0])
        found = ((handle, rest) for handle, rest in fields.items() if place(words[2], rest) is not None)
        return next(f"[{handle}] {rest[column]}" for handle, rest in found)
    if len(words) == 2:
        heads = next(rest for rest in fields.values() if any(place(word, rest) is not None for word in words))
        asked, other = words if place(words[0], heads) is not None else words[::-1]
        at = place(asked, heads)
        handle, row = next((handle, rest) for handle, rest in fields.items() if place(other, rest) == 0)
        noted = ", ".join(f"{head} {held}" for head, held in zip(heads[: at + 1], row, strict=False))
        return f"<think>[{handle}] {noted}</think>[{handle}] {row[at]}"
    values = {name.lower(): value for name, value in fields.values()}
    return f"{values[words[0].lower()]} {words[1]} {values[words[2].lower()]}"


def place(word, fields):
    """Where a word stands among fields, whatever its case; None where it does not."""
    lowered = [field.lower() for field in fields]
    return lowered.index(word.lower()) if word.lower() in lowered else None


def kind_of(question):
    """Which look-up a question is."""
    words = question.split(" ")
    if len(words) < 3:
        return "key" if len(words) == 1 else "cell"
    return "column" if words[1] == "of" else "two"


def test_every_answer_stands_in_what_was_read(renderer):
    end = renderer.token_id("<|end|>")
    repeats = copies = small = 0
    look_ups = {"key": 0, "column": 0, "cell": 0, "tally": 0, "two": 0}
    for row in drill_rows(renderer, 480, seed=4):
        learnt, read = learnt_and_read(row)
        if end not in row.ids:
            repeats += 1
            run = read[1:]
            assert learnt == run * (len(learnt) // len(run))
            continue
        assert learnt[-1] == end
        if read[0] == renderer.token_id("<|tool|>"):
            copies += 1
            assert learnt[:-1] == read[1:-2]
        else:
            question = renderer.decode(read[1 : read.index(end)])
            shown = json.loads(renderer.decode(read[read.index(end) + 2 : -2]))
            assert "lines" not in shown or shown["count"] == len(shown["lines"])
            answer, wanted = renderer.decode(learnt[:-1]), answer_of(question, shown.get("lines", shown))
            assert answer == wanted, (question, shown)
            look_ups["tally" if "lines" not in shown else kind_of(question)] += 1
            small += question == question.lower()
    assert min(repeats, copies, *look_ups.values()) > 30
    assert 0.2 < small / sum(look_ups.values()) < 0.6


def test_equal_seeds_give_equal_drills(renderer):
    first, second, other = (list(drill_rows(renderer, 20, seed)) for seed in (1, 1, 2))
    assert [row.ids for row in first] == [row.ids for row in second] != [row.ids for row in other]
