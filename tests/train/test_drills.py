"""Copying drills: what is learnt stands in what was read, and equal seeds give equal drills."""

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


def test_every_answer_stands_in_what_was_read(renderer):
    end = renderer.token_id("<|end|>")
    repeats = copies = look_ups = 0
    for row in drill_rows(renderer, 200, seed=4):
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
            look_ups += 1
            value, _, handle = renderer.decode(learnt[:-1]).rpartition(" ")
            key = renderer.decode(read[1 : read.index(end)])
            assert f"{handle.strip('[]')} {key} {value}" in renderer.decode(read)
    assert min(repeats, copies) > 30
    assert look_ups > 70


def test_equal_seeds_give_equal_drills(renderer):
    first, second, other = (list(drill_rows(renderer, 20, seed)) for seed in (1, 1, 2))
    assert [row.ids for row in first] == [row.ids for row in second] != [row.ids for row in other]
