"""Practice by family: read from one option, and rows as many times as it says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from agentmm.train.nano_main import main
from agentmm.train.practice import practised, read_practice


def test_what_is_practised_is_read_from_one_option():
    assert read_practice("cell=3,busy=0.5") == {"cell": 3.0, "busy": 0.5}
    assert read_practice("") == {}


@pytest.mark.parametrize("wrong", ["cell", "cell=many", "no_family=2", "cell=-1", "cell=nan", "cell=1e9"])
def test_what_cannot_be_practised_is_one_clear_line(wrong, capsys):
    assert main(["--practice", wrong, "--stages", "it"]) == 2
    assert "cannot practise that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "the stage it needs traces; expected --store FILE or --rows FILE"),
        (["--store", "gone.db"], "no trace store there; got 'gone.db'"),
    ],
)
def test_traces_that_are_not_there_are_told_before_the_first_stage(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--stages", "lm,it", "--out", "o", *words]) == 2
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_rows_come_as_often_as_their_family_is_practised():
    families = ["cell", "busy", "date"] * 400
    rows = practised(range(1200), families, {"cell": 3.0, "busy": 0.25}, np.random.default_rng(0))
    shown = Counter(families[row] for row in rows)
    assert shown["cell"] == 1200
    assert shown["date"] == 400
    assert shown["busy"] == pytest.approx(100, rel=0.3)
