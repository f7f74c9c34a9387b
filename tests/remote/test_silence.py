"""A reply is cut where its server is silent for too long, and only then."""

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from agentmm.planner.remote.silence import Stalled, steady

GAP_S = 0.2


class Line:
    """A connection whose parts are its bytes, and what httpx tells of it."""

    def __init__(self):
        self.near, self.far = socket.socketpair()
        told = SimpleNamespace(get_extra_info=lambda name: self.near)
        self.response = SimpleNamespace(extensions={"network_stream": told})

    def __iter__(self):
        while part := self.near.recv(1):
            yield part

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.near.close()
        self.far.close()


def test_who_is_slow_with_a_part_cuts_nothing():
    read = []
    with Line() as line:
        line.far.sendall(b"abc")
        line.far.close()
        for part in steady(iter(line), line.response, GAP_S):
            time.sleep(2 * GAP_S)
            read.append(part)
    assert read == [b"a", b"b", b"c"]


def test_a_connection_on_which_no_further_part_comes_is_cut():
    with Line() as line:
        line.far.sendall(b"ab")
        parts = steady(iter(line), line.response, GAP_S)
        assert [next(parts), next(parts)] == [b"a", b"b"]
        with pytest.raises(Stalled, match=r"no further part of the reply for 0\.2 s"):
            next(parts)
        assert line.far.recv(1) == b""


def test_a_silence_longer_than_a_clock_can_count_ends_no_thread(monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda told: raised.append(told.exc_type))
    with Line() as line:
        line.far.sendall(b"ab")
        parts = steady(iter(line), line.response, 1e300)
        assert [next(parts), next(parts)] == [b"a", b"b"]
        watching = {thread for thread in threading.enumerate() if thread.name.endswith("(_wait)")}
        assert watching
        parts.close()
        for thread in watching:
            thread.join()
    assert raised == []
