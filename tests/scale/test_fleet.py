"""How a fleet hands out tasks, on a Ray without processes."""

import json

import numpy as np
import pytest

from agentmm.errors import PlannerError, UsageError
from agentmm.media import Image, MediaStore
from agentmm.scale import Fleet, Lost, Parcel, Task
from tests.scale.fake_ray import Dies, FakeRay, RayError, RayTaskError


class Echo:
    """Says what it was told; dies over some tasks."""

    def __init__(self, said=None, dies=(), trips=(), bad=None):
        self.said, self.dies, self.trips, self.seen = said or {"planner": "p"}, dies, list(trips), []
        self.bad = bad

    def load(self, settings):
        if self.bad == "dies":
            raise Dies("out of memory")
        return json.dumps(self.bad or {"facts": self.said})

    def answer(self, told, *files):
        given = json.loads(told)
        self.seen.append(given["word"])
        if given["word"] in self.dies:
            raise Dies("The worker has died.")
        if given["word"] in self.trips:
            self.trips.remove(given["word"])
            raise RayTaskError("an argument is lost")
        return Parcel({"word": given["word"], "bytes": sum(map(len, files))}).parts()

    def close(self):
        return None


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """A fleet over a made-up Ray, and what it says."""

    def build(make, there=0, **options):
        ray, said = FakeRay(make, there), []
        monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: ray)
        return Fleet("x:y", {}, MediaStore(tmp_path), tell=said.append, **options), ray, said

    return build


def tasks(*words, media=()):
    return [Task(number, {"word": word}, tuple(media)) for number, word in enumerate(words)]


def done(fleet, asked):
    return {task.told["word"]: came.reason if isinstance(came, Lost) else came.told for task, came in fleet.run(asked)}


def test_workers_get_no_more_than_they_have_room_for(fleet):
    made, ray, said = fleet(lambda _: Echo(), workers=2, at_once=3)
    taken = []

    def asked():
        for task in tasks(*"abcdefghijkl"):
            taken.append(task.key)
            yield task

    for count, (_, came) in enumerate(made.run(asked()), start=1):
        assert len(taken) <= count + 6  # those that run, and the next one
        assert isinstance(came, Parcel)
    assert (len(taken), ray.most, said) == (12, 6, [])


def test_a_picture_is_put_into_the_object_store_once(fleet, tmp_path):
    made, ray, _ = fleet(lambda _: Echo())
    record = made.store.add(Image(np.full((4, 6, 3), 9, np.uint8)))
    name, data = made.store.file_of(record["sha"])
    came = done(made, tasks("a", "b", "c", media=[record["sha"]]))
    assert ray.puts == [data]
    assert name.startswith("made/")
    assert {told["bytes"] for told in came.values()} == {len(data)}


def test_a_task_whose_picture_is_gone_ends_no_other(fleet):
    made, _, _ = fleet(lambda _: Echo(), workers=1, at_once=1)
    gone, *others = tasks("gone", "a", "b")
    gone.media = ("0" * 64,)
    came = done(made, [gone, *others])
    assert came["gone"].startswith("the media store has no such medium")
    assert sorted(came) == ["a", "b", "gone"]


def test_a_fleet_starts_anew_where_its_cluster_was_let_go_of(fleet):
    made, ray, _ = fleet(lambda _: Echo(), workers=2)
    assert sorted(done(made, tasks("a"))) == ["a"]
    there = iter([False, False, False])
    ray.is_initialized = lambda: next(there, True)
    ray.init = lambda **_: None
    assert sorted(done(made, tasks("b"))) == ["b"]
    assert len(ray.options) == 4


def test_a_task_that_kills_three_workers_is_given_up_and_ends_no_other(fleet):
    echoes = []

    def make(_):
        echoes.append(Echo(dies={"bad"}))
        return echoes[-1]

    made, _, said = fleet(make, workers=2, at_once=2)
    came = done(made, tasks("a", "bad", "b", "c", "d", "e"))
    reason = "lost 3 times with its worker, the last time with nothing beside it: ActorDiedError: The worker has died."
    assert came.pop("bad") == reason
    assert sorted(came) == list("abcde")
    deaths = [echo.seen for echo in echoes if "bad" in echo.seen]
    assert len(deaths) == 3
    assert deaths[-1][-1] == "bad"
    assert len(said) == 3
    assert said[0].startswith("Ray worker ")
    assert "is done again by another: ActorDiedError: The worker has died." in said[0]
    assert [line.split("; ")[1].split(": ")[0] for line in said if "(1)" in line][
        -1
    ] == "what it was at (1) is given up"
    assert "given up" not in said[0] + said[1]


def test_the_last_try_has_a_worker_of_its_own(fleet):
    made, _, _ = fleet(lambda _: Echo(), workers=2, at_once=2)
    alone, *others = tasks("last", "a", "b", "c", "d")
    alone.lost = 2
    beside = []
    own = made._roomiest

    def roomiest(only):
        worker = own(only)
        if worker is not None:
            beside.append((only, len(worker.running)))
        return worker

    made._roomiest = roomiest
    assert sorted(done(made, [*others[:2], alone, *others[2:]])) == ["a", "b", "c", "d", "last"]
    assert [running for only, running in beside if only] == [0]


def test_an_argument_that_was_lost_costs_no_worker(fleet):
    made, ray, said = fleet(lambda _: Echo(trips=["a"]), workers=1)
    assert sorted(done(made, tasks("a", "b"))) == ["a", "b"]
    assert (ray.killed, said) == (0, [])
    made.close()
    assert ray.killed == 1


def test_workers_that_cannot_be_used_are_left_out(fleet):
    def make(number):
        refused = {"error": "ray is not installed", "usage": False}
        return {1: Echo(), 2: Echo(said={"planner": "q"}), 3: Echo(bad=refused)}[number]

    made, _, said = fleet(make, workers=3)
    assert sorted(done(made, tasks(*"abcd"))) == list("abcd")
    assert made.facts == {"planner": "p"}
    assert said == [
        "Ray worker 2 is left out: it has loaded {'planner': 'q'}, others {'planner': 'p'}",
        "Ray worker 3 is left out: ray is not installed",
    ]


@pytest.mark.parametrize(("usage", "kind"), [(True, UsageError), (False, PlannerError)])
def test_where_no_worker_can_be_used_their_line_is_raised(fleet, usage, kind):
    made, ray, _ = fleet(lambda _: Echo(bad={"error": "no such weights", "usage": usage}), workers=2)
    with pytest.raises(kind, match=r"^no such weights$"):
        done(made, tasks("a"))
    assert ray.killed == 2


def test_a_fleet_that_was_closed_forgets_which_weights_it_had(fleet):
    said = {"planner": "p", "weights": "old"}
    made, _, _ = fleet(lambda _: Echo(said=dict(said)), workers=1)
    assert made.start() == said
    made.close()
    said["weights"] = "new"
    assert made.start() == said
    assert sorted(done(made, tasks("a"))) == ["a"]


def test_where_other_weights_alone_are_left_their_line_is_raised(fleet):
    said = {"planner": "p", "weights": "old"}
    made, _, _ = fleet(lambda _: Echo(said=dict(said), dies={"bad"}), workers=1)
    made.start()
    said["weights"] = "new"
    line = r"^no Ray worker is left: it has loaded {.*'new'}, others {.*'old'}$"
    with pytest.raises(PlannerError, match=line):
        done(made, tasks("bad"))


def test_a_fleet_does_one_run_at_a_time(fleet):
    made, _, _ = fleet(lambda _: Echo(), workers=1)
    first = made.run(tasks("a", "b"))
    assert next(first)[0].told["word"] == "a"
    for other in (lambda: done(made, tasks("c")), made.start):
        with pytest.raises(UsageError, match="at work on another batch; try: one batch after another"):
            other()
    assert [task.told["word"] for task, _ in first] == ["b"]
    abandoned = made.run(tasks("d"))
    next(abandoned)
    abandoned.close()
    assert sorted(done(made, tasks("c"))) == ["c"]


def test_workers_that_die_before_they_are_loaded_are_tried_three_times(fleet):
    count = []
    made, _, said = fleet(lambda number: count.append(number) or Echo(bad="dies"), workers=2)
    with pytest.raises(PlannerError, match=r"^Ray workers die before they are loaded: ActorDiedError: out of memory$"):
        done(made, tasks("a"))
    assert len(count) == 6
    assert said[0] == "Ray worker 1 was lost: ActorDiedError: out of memory"


@pytest.mark.parametrize(
    ("there", "asked", "each"),
    [(0, None, 0.0), (1, None, 1 / 3), (2, None, 0.5), (3, None, 1.0), (9, None, 1.0), (4, 0.25, 0.25)],
)
def test_workers_share_the_gpus_evenly(fleet, there, asked, each):
    made, ray, _ = fleet(lambda _: Echo(), there, workers=3, gpus=asked)
    made.start()
    assert [options["num_gpus"] for options in ray.options] == [each] * 3


class StartedHere(FakeRay):
    """A Ray that is started by the fleet."""

    up = False

    def is_initialized(self):
        return self.up

    def init(self, **given):
        self.up = True

    def shutdown(self):
        super().shutdown()
        self.up = False


@pytest.mark.parametrize(
    ("there", "gpus", "workers", "fits"),
    [(0, 1, 1, False), (2, 1, 3, False), (1, 0.3, 4, False), (2, 1.0, 2, True), (1, 0.1, 10, True), (0, 0, 2, True)],
)
def test_a_cluster_started_here_without_room_is_refused_at_once(tmp_path, monkeypatch, there, gpus, workers, fits):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray = StartedHere(lambda _: Echo(), there)
    monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: ray)
    monkeypatch.setattr("agentmm.scale.cluster._close_token", lambda: None)
    fleet = Fleet("x:y", {}, MediaStore(tmp_path), workers=workers, gpus=gpus)
    if fits:
        assert fleet.start() == {"planner": "p"}
        fleet.close()
    else:
        line = rf"too few GPUs for its workers; got '{workers} x {gpus:g} GPU'; expected at most {there} GPU in all"
        with pytest.raises(UsageError, match=line):
            fleet.start()
    assert (ray.shut, ray.options == []) == (1, not fits)


def test_what_no_worker_can_load_is_said_once(fleet):
    made, _, said = fleet(lambda _: Echo(bad={"error": "no such planner", "usage": True}), workers=3)
    with pytest.raises(UsageError, match="no such planner"):
        made.start()
    assert said == []


@pytest.mark.parametrize("how", ["start", "run"])
def test_where_ray_itself_fails_that_is_one_line_and_the_next_batch_joins_anew(fleet, monkeypatch, how):
    found, ray, _ = fleet(lambda number: Echo(), workers=1)

    def gone(*given, **more):
        raise RayError("The cluster is gone.\nIts head node died.")

    monkeypatch.setattr(ray, "wait", gone)
    monkeypatch.setattr(ray, "kill", gone)
    with pytest.raises(PlannerError, match=r"^Ray cannot go on; got 'RayError: The cluster is gone\.'$"):
        found.start() if how == "start" else done(found, tasks("a"))
    monkeypatch.undo()
    monkeypatch.setattr("agentmm.scale.fleet.load_ray", lambda: ray)
    assert done(found, tasks("b")) == {"b": {"word": "b", "bytes": 0}}
