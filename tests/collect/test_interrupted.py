"""Ctrl-C and kill -9 in the middle of a collection in processes: nothing that was finished is lost."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agentmm.collect import collect_gold
from agentmm.collect.processes import collect
from agentmm.errors import TraceError
from agentmm.trace import TraceStore
from agentmm.trace.parts import absorb_parts, collecting, part_of, parts_of
from agentmm.world.sample import sample_questions


def written(store: TraceStore, name: str) -> None:
    """A finished trace."""
    store.append(name, "start", {"question": name})
    store.append(name, "end", {"answer": "1", "status": "answered"})
    store.flush(name)


def one_and_wait(items: Any, store: TraceStore) -> Any:
    """Finish one run, begin another, hang: as a process that is interrupted in the middle of its second."""
    written(store, items[0].id)
    yield items[0]
    store.append(items[1].id, "start", {"question": "?"})
    time.sleep(100)


def test_the_group_s_ctrl_c_keeps_what_every_process_has_finished(tmp_path: Path, capfd: Any) -> None:
    """Every process gets the signal, as from a terminal; those that collect do not hear it."""
    out = tmp_path / "gold.db"
    store = TraceStore(out, batch=100)
    todo = list(sample_questions("train", 8, 4, families=["calculation", "comparison"]))

    def press() -> None:
        ended = time.monotonic() + 60
        while time.monotonic() < ended and not all(_finished(part_of(out, index)) for index in range(2)):
            time.sleep(0.05)
        for child in children():
            os.kill(child, signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who is begun in the background is deaf to it
    try:
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            collect(todo, store, out, one_and_wait, {}, 2, question=lambda asked: asked, quiet=True)
        pressing.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert parts_of(out) == []
    assert len(store) == 2
    assert {trace.status for trace in store} == {"answered"}
    store.close()
    assert "Traceback" not in capfd.readouterr().err


def children() -> list[int]:
    """Processes of this one."""
    task = Path(f"/proc/{os.getpid()}/task")
    return [int(child) for thread in task.iterdir() for child in (thread / "children").read_text().split()]


def _finished(part: Path) -> bool:
    if not part.exists():
        return False
    store = TraceStore(part)
    try:
        return len(store) > 0
    finally:
        store.close()


def test_parts_are_those_of_this_store_alone(tmp_path: Path) -> None:
    for name in ("a.db", "a.part0.db", "a.part11.db", "a.part0.db-wal", "b.part0.db", "a.parts.db", "a.part1.db.db"):
        (tmp_path / name).touch()
    assert [path.name for path in parts_of(tmp_path / "a.db")] == ["a.part0.db", "a.part11.db"]


def test_a_second_ctrl_c_while_a_part_is_taken_in_loses_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    out = tmp_path / "[odd].db"
    for index in range(2):
        part = TraceStore(part_of(out, index))
        written(part, f"trace_{index}")
        part.close()
    store, absorb = TraceStore(out), TraceStore.absorb

    def interrupted(self: TraceStore, other: TraceStore) -> int:
        if other.path == part_of(out, 1):
            raise KeyboardInterrupt
        return absorb(self, other)

    monkeypatch.setattr(TraceStore, "absorb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        absorb_parts(store, out)
    monkeypatch.undo()
    assert (len(store), parts_of(out)) == (1, [part_of(out, 1)])
    absorb_parts(store, out)
    assert (len(store), parts_of(out)) == (2, [])
    store.close()


def test_a_second_collection_in_the_same_store_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "gold.db"
    questions = list(sample_questions("train", 2, 3, families=["calculation"]))
    with collecting(out), pytest.raises(TraceError, match="a collection goes on in this store"):
        collect_gold(questions, out, tools=["calculate"], home=tmp_path, workers=1, quiet=True)
    assert collect_gold(questions, out, tools=["calculate"], home=tmp_path, workers=1, quiet=True) == 2
    assert [path.name for path in tmp_path.glob("*.collecting")] == []


def test_a_lock_that_was_removed_before_it_was_taken_keeps_nobody_out(tmp_path: Path, monkeypatch) -> None:
    """The first collection ends, and removes its file, between the second one's opening and locking of it."""
    out, first, lock = tmp_path / "gold.db", ExitStack(), fcntl.flock
    first.enter_context(collecting(out))

    def late(file: int, how: int) -> None:
        first.close()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with collecting(out):
        monkeypatch.undo()
        with pytest.raises(TraceError, match="a collection goes on in this store"), collecting(out):
            pass
