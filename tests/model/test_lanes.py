"""Lanes cut evenly, keep the order, take the caller's modes along, and wait for each other when one fails."""

from __future__ import annotations

import threading

import pytest
import torch

from agentmm.model.lanes import NAME, in_lanes, shares, threads


@pytest.fixture
def two_threads():
    """Two torch threads, whatever there were before."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("sizes", "most", "least", "parts"),
    [
        ([5, 1, 1, 5], 2, 1, [[5, 1], [1, 5]]),
        ([9, 1, 1, 1], 2, 1, [[9], [1, 1, 1]]),  # 9 of 12 is nearer to 6 than 0 or 10
        ([1] * 7, 3, 1, [[1, 1], [1, 1, 1], [1, 1]]),  # cut at 7/3 and 14/3: after 2 and 5
        ([1] * 7, 3, 3, [[1, 1, 1], [1, 1, 1, 1]]),  # 7 are two parts of 3 or more; 3 and 4 are as near to 3.5
        ([4, 4], 2, 4.5, [[4, 4]]),
        ([40], 2, 1, [[40]]),
        ([40, 2], 1, 1, [[40, 2]]),
    ],
)
def test_neighbours_are_shared_out_evenly(sizes, most, least, parts):
    assert [sizes[part] for part in shares(sizes, most, least)] == parts


def test_each_part_has_a_thread_and_its_results_come_in_order(two_threads):
    """Both parts wait for each other, so they are under way at once; a lane has one torch thread."""
    meeting, seen = threading.Barrier(2, timeout=10), []

    def work(part):
        meeting.wait()
        seen.append((threading.current_thread().name.startswith(NAME), torch.get_num_threads()))
        return [10 * one for one in part]

    assert in_lanes(work, [[1, 2], [3]]) == [10, 20, 30]
    assert seen == [(True, 1)] * 2
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("inference", [True, False])
def test_lanes_have_the_modes_of_the_caller(two_threads, inference):
    def work(_):
        return [(torch.is_inference_mode_enabled(), torch.is_grad_enabled())]

    with torch.inference_mode(inference), torch.no_grad():
        assert in_lanes(work, [1, 2]) == [(inference, False)] * 2


def test_a_lane_that_fails_is_heard_once_the_others_are_done(two_threads):
    done = []

    def work(part):
        if part == 0:
            raise ValueError("too much")
        done.append(part)
        return [part]

    with pytest.raises(ValueError, match="too much"):
        in_lanes(work, [0, 1])
    assert done == [1]
    assert in_lanes(work, [1, 2]) == [1, 2]  # and goes on
    assert torch.get_num_threads() == 2


def test_one_part_stays_where_it_is(two_threads):
    here = threading.current_thread()
    assert in_lanes(lambda part: [threading.current_thread() is here, torch.get_num_threads()], [[]]) == [True, 2]


def test_fewer_threads_for_a_while(two_threads):
    with threads(1):
        assert torch.get_num_threads() == 1
        with threads(2):  # never more
            assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
