"""A worker's folder does not grow without end: what was sent goes with the home that it lies in."""

import threading
from dataclasses import asdict

import pytest

from agentmm.collect.on_ray import SamplingHost
from agentmm.media import MediaStore
from agentmm.scale.asking import AskingHost
from agentmm.scale.homes import Homes
from agentmm.world.sample import sample_questions
from tests.scale.conftest import PLANNER, TOOLS


class Works:
    """Remembers its folder, and whether it was closed."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder, self.closed = folder, False

    def close(self):
        self.closed = True


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_full_home_is_left_and_goes_with_its_last_task(tmp_path):
    homes = Homes(tmp_path, Works, most_bytes=10)
    with homes.task() as first:
        first.media_bytes += 6
        with homes.task() as second:
            assert second is first
            second.media_bytes += 6
        with homes.task() as third:
            assert third is not first
            assert names(tmp_path) == ["1", "2"]
        assert not first.works.closed
    assert first.works.closed
    assert not third.works.closed
    assert names(tmp_path) == ["2"]
    homes.close()
    assert third.works.closed


def test_databases_fill_a_home_and_an_idle_one_goes_at_once(tmp_path):
    homes = Homes(tmp_path, Works, most_bytes=10)
    with homes.task() as home:
        (home.folder / "traces.db-wal").write_bytes(bytes(11))
    with homes.task():
        assert names(tmp_path) == ["2"]


def test_a_home_that_cannot_be_made_leaves_the_old_one(tmp_path):
    made = []

    def make(folder):
        if len(made) == 1:
            made.append(None)
            raise OSError("the disk is full")
        made.append(Works(folder))
        return made[-1]

    homes = Homes(tmp_path, make, most_bytes=1)
    with homes.task() as home:
        home.media_bytes = 1
    with pytest.raises(OSError, match="full"), homes.task():
        pass
    with homes.task() as later:
        assert later is not home
    assert home.works.closed


def test_an_agent_in_a_worker_answers_from_home_to_home(tmp_path, picture):
    """Two at once, of the same picture and the same made one."""
    store = MediaStore(tmp_path / "ours")
    picture.save(tmp_path / "p.png")
    record = store.add_file(tmp_path / "p.png")
    files = dict([store.file_of(record["sha"])])
    host = AskingHost(tmp_path / "host", {"planner": PLANNER, "tools": TOOLS, "graph": "react"}, most_bytes=1)
    came = {}

    def ask(number):
        told = {"question": ["look", "paint 7"][number % 2], "records": [record], "trace": f"t-{number}"}
        came[number] = host.run({**told, "timeout": None}, files)

    for pair in ((0, 1), (2, 3), (4, 5)):
        threads = [threading.Thread(target=ask, args=(number,)) for number in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [came[number].told["answer"]["status"] for number in range(6)] == ["answered"] * 6
    assert len({came[number].told["answer"]["text"] for number in (0, 2, 4)}) == 1
    assert [len(came[number].files) for number in range(6)] == [0, 1] * 3
    assert len(names(tmp_path / "host")) == 1
    host.close()


def test_a_sampler_in_a_worker_makes_the_same_from_home_to_home(tmp_path):
    asked = [*sample_questions("train", 1, 4, families=("count_shape",))]
    given = {"planner": PLANNER, "temperature": 0.8, "tools": TOOLS[:1], "graph": "react", "at_once": 1}
    host = SamplingHost(tmp_path, given, most_bytes=1)
    parcels = [host.run({"question": asdict(asked[0]), "seed": 0}, {}) for _ in range(3)]
    assert [list(parcel.files) for parcel in parcels] == [list(parcels[0].files)] * 3
    assert parcels[0].files
    assert len(names(tmp_path)) == 1
    host.close()
