"""Sets that other processes make ahead: all of them once, the newest again where few are ready, and errors told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentmm.errors import TrainError
from agentmm.train.ahead import Ahead
from agentmm.train.rowset import Row, RowSet


def numbered(number: int, folder: Path) -> RowSet:
    return RowSet.of([Row([number, number], [0, 1])])


def breaks(number: int, folder: Path) -> RowSet:
    raise TrainError("no such picture", got=number)


def dies(number: int, folder: Path) -> RowSet:
    os._exit(9)


def numbers(sets: list[RowSet]) -> list[int]:
    return [int(one.ids[0]) for one in sets]


def test_sets_come_once_and_the_newest_stay_where_few_are_ready(tmp_path: Path) -> None:
    ahead = Ahead(numbered, 1, tmp_path / "ahead", 3)
    try:
        first = numbers(ahead.take(2))
        assert first == list(range(len(first)))
        assert len(first) >= 2
        later = numbers(ahead.take(len(first) + 1))
        assert max(later) > max(first)
        assert later == sorted(set(later))
        again = numbers(ahead.take(1))
        assert set(again) - set(first) or again == later[-1:]
    finally:
        ahead.close()
    assert not (tmp_path / "ahead").exists()


def test_what_a_process_raises_is_raised_where_the_sets_are_taken(tmp_path: Path) -> None:
    ahead = Ahead(breaks, 1, tmp_path / "ahead", 2)
    try:
        with pytest.raises(TrainError, match="no such picture"):
            ahead.take(1)
    finally:
        ahead.close()


def test_a_process_that_is_killed_is_told_and_not_waited_for(tmp_path: Path) -> None:
    ahead = Ahead(dies, 1, tmp_path / "ahead", 1)
    try:
        with pytest.raises(TrainError, match=r"a process that makes rows was killed; got 'process [0-9]+'"):
            ahead.take(1)
    finally:
        ahead.close()
