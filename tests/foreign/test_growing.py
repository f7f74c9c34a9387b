"""Layers that grow in place hold what transformers' own hold, also after forks, cuts and failures."""

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from agentmm.planner.foreign.growing import SPARE, Growing, growing, only_grows
from agentmm.planner.foreign.session import ForeignSession


def piece(first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys `[1, 2, count, 3]` and values `[1, 2, count, 5]`: position p holds p, and -p."""
    row = torch.arange(first, first + count, dtype=torch.float32)[None, None, :, None]
    return row.expand(1, 2, count, 3).contiguous(), -row.expand(1, 2, count, 5).contiguous()


def grown(length: int) -> ForeignSession:
    """A session of positions 0, 1, ... in a cache of one layer."""
    cache = DynamicCache()
    cache.update(*piece(0, length), 0)
    return ForeignSession(list(range(length)), growing(cache))


def held(session: ForeignSession) -> list[float]:
    """What the keys of a session say; values must say the same."""
    layer = session.cache.layers[0]
    assert torch.equal(layer.keys[..., 0], -layer.values[..., 0])
    return layer.keys[0, 1, :, 0].tolist()


def test_it_holds_what_the_librarys_layer_holds_and_moves_only_when_it_is_full():
    session, plain, moves, length = grown(3), DynamicLayer(), set(), 3
    plain.update(*piece(0, 3))
    for count in (1, 1, SPARE - 2, 1, 40, 1):
        moves.add(session.cache.layers[0].keys.data_ptr())
        keys, values = session.cache.update(*piece(length, count), 0)
        want = plain.update(*piece(length, count))
        length += count
        assert torch.equal(keys, want[0])
        assert torch.equal(values, want[1])
        assert session.cache.get_seq_length() == length
    assert len(moves) == 3  # room for SPARE more: one too many came, then 40 did, and each made a room again


def test_forks_share_memory_until_both_went_on():
    session = grown(4)
    fork, again = session.fork(4), session.fork(2)
    session.cache.update(*piece(10, 1), 0)
    fork.cache.update(*piece(20, 1), 0)
    again.cache.update(*piece(30, 2), 0)
    assert held(session) == [0, 1, 2, 3, 10]
    assert held(fork) == [0, 1, 2, 3, 20]
    assert held(again) == [0, 1, 30, 31]
    places = {one.cache.layers[0].keys.data_ptr() for one in (session, fork, again)}
    assert len(places) == 3


def test_the_one_that_goes_on_writes_behind_what_a_kept_session_holds():
    session = grown(4)
    kept = session.fork(4)
    session.cache.update(*piece(4, 1), 0)
    assert kept.cache.layers[0].keys.data_ptr() == session.cache.layers[0].keys.data_ptr()
    assert (held(kept), held(session)) == ([0, 1, 2, 3], [0, 1, 2, 3, 4])


def test_a_session_goes_on_after_a_pass_that_failed():
    session = grown(4)
    session.cache.update(*piece(9, 1), 0)  # of the pass that failed: its key is in no session
    session.recover(MemoryError())
    session.cache.update(*piece(4, 1), 0)
    assert held(session) == [0, 1, 2, 3, 4]


def test_bytes_count_the_room_and_positions_count_alone():
    session = grown(4)
    assert session.per_key == 2 * (3 + 5) * 4
    assert session.bytes == (4 + SPARE) * session.per_key


def test_layers_that_slide_stay_the_librarys():
    cache = DynamicCache()
    cache.layers = [DynamicLayer(), DynamicSlidingWindowLayer(sliding_window=4)]
    assert not only_grows(cache)
    assert [type(layer) for layer in growing(cache).layers] == [DynamicLayer, DynamicSlidingWindowLayer]
    assert type(grown(1).cache.layers[0]) is Growing
