"""Imagined rows show their pictures where there is a file for them, and what only eyes tell is then told too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from agentmm.model import load_preset
from agentmm.model.pixels import square_pixels
from agentmm.planner.render import Renderer
from agentmm.train.demonstrations import made_up_rows
from agentmm.train.glimpses import HARD, glimpse_questions, glimpse_rows
from agentmm.train.imagined import imagine_with_media
from agentmm.train.imagined_rows import imagined_rows
from agentmm.train.rowset import PixelFile
from agentmm.world.families import sight
from agentmm.world.sample import sample_questions

NANO = Path(__file__).parents[2] / "agentmm" / "weights" / "nano"


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer.from_pretrained(NANO, load_preset("nano").image_tokens)


def placeholders(renderer: Renderer, ids) -> int:
    return Counter(ids)[renderer.token_id("<image>")] // load_preset("nano").image_tokens


def test_each_run_of_placeholders_has_a_picture(renderer: Renderer, tmp_path: Path):
    squares = PixelFile(tmp_path / "squares.u8", 128)
    rows = imagined_rows(renderer, 40, 3, varied=0.5, invented=0.5, squares=squares)
    rows += made_up_rows(renderer, 6, 3, squares)
    assert [placeholders(renderer, row.ids) for row in rows] == [len(row.images) for row in rows]
    assert sum(len(row.images) for row in rows) > 20
    assert max(max(row.images, default=0) for row in rows) < len(squares.keys)


def test_without_a_file_the_placeholders_stay_bare(renderer: Renderer):
    rows = imagined_rows(renderer, 12, 3)
    assert all(not row.images for row in rows)


def test_the_pictures_are_those_of_the_questions(renderer: Renderer, tmp_path: Path):
    squares = PixelFile(tmp_path / "squares.u8", 128)
    rows = glimpse_rows(renderer, 8, 5, tmp_path, 128)
    episodes = list(imagine_with_media(8, 5, sighted=True))
    told = imagined_rows(renderer, 8, 5, squares=squares)
    for (_, media), row in zip(episodes, told, strict=True):
        shown = [one for one in media if one.kind == "image"]
        for one, number in zip(shown, row.images, strict=True):
            assert np.array_equal(squares.array()[number], square_pixels(one.pixels, 128))
    assert all(placeholders(renderer, row.ids) == len(row.images) >= 1 for row in rows)


def test_what_only_eyes_tell_is_told_where_the_planner_sees():
    names = [family.name for family in sight.FAMILIES]
    blind = list(imagine_with_media(7, 2, "val", names))
    seeing = list(imagine_with_media(7, 2, "val", names, sighted=True))
    assert blind == []
    assert len(seeing) == 7
    assert all(len(messages) == 2 for messages, _ in seeing)


def test_practice_asks_a_family_more_often():
    names = ["busy", "sort", "arrangement"]
    for times in (0.5, 4.0):
        asked = Counter(q.family for q in sample_questions("train", 90, 1, families=names, practice={"sort": times}))
        assert asked["sort"] / asked["busy"] == pytest.approx(times, rel=0.35)


def test_most_glimpses_are_of_the_hard_families(renderer: Renderer, tmp_path: Path):
    asked = Counter(question.family for question in glimpse_questions(200, 1))
    assert 0.65 < sum(asked[name] for name in HARD) / 200 < 0.85


def test_pictures_that_tools_made_are_shown_where_the_episode_shows_them(renderer: Renderer, tmp_path: Path):
    """Also where an episode was cut because its tool is not offered."""
    squares = PixelFile(tmp_path / "squares.u8", 128)
    rows = imagined_rows(renderer, 150, 8, varied=1.0, squares=squares, practice={"turned_value": 9})
    assert [placeholders(renderer, row.ids) for row in rows] == [len(row.images) for row in rows]
    assert any(len(row.images) == 2 for row in rows)
