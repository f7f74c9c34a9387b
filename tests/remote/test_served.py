import pytest

from agentmm.planner.remote.served import Served, digest

GOOD = {"prompt_token_ids": [1, 2], "token_ids": [3, 4], "logprobs": {"content": [{"logprob": -1}, {"logprob": 0.0}]}}


def test_tokens_are_read():
    assert Served.of(GOOD) == Served([1, 2], [3, 4], [-1.0, 0.0])


@pytest.mark.parametrize(
    "change",
    [
        {"prompt_token_ids": None},
        {"prompt_token_ids": []},
        {"token_ids": [3, "4"]},
        {"token_ids": [3, True]},
        {"token_ids": [3, -4]},
        {"token_ids": "34"},
    ],
)
def test_what_is_no_list_of_ids_counts_as_not_told(change):
    assert Served.of(GOOD | change) is None


def test_ids_count_only_where_all_are_there():
    assert Served.of(GOOD, 2) == Served.of(GOOD)
    assert Served.of(GOOD, 3) is None


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {"content": None},
        {"content": [{"logprob": -1}]},
        {"content": [{"logprob": -1}, {"logprob": float("nan")}]},
        {"content": [{"logprob": -1}, {"logprob": "0"}]},
        {"content": [{"logprob": -1}, None]},
        {"content": [{"logprob": -1}, {"logprob": False}]},
    ],
)
def test_log_probs_count_only_one_for_an_id(logprobs):
    assert Served.of(GOOD | {"logprobs": logprobs}) == Served([1, 2], [3, 4], None)


def test_what_is_new_follows_the_tokens_of_the_step_before():
    first = Served([1, 2], [3, 4], None)
    assert first.mark == [4, digest([1, 2, 3, 4])]
    assert Served([1, 2, 3, 4, 5, 6], [7], None).new_since(first.mark) == [5, 6]
    assert Served([1, 2, 9, 4, 5, 6], [7], None).new_since(first.mark) is None
    assert Served([1, 2, 3, 4], [7], None).new_since(first.mark) is None


@pytest.mark.parametrize("mark", [None, [], "ab", [4], ["4", "x"], [-1, "x"], [99, "x"]])
def test_a_mark_that_is_none_tells_nothing(mark):
    assert Served([1, 2, 3, 4, 5, 6], [7], None).new_since(mark) is None
