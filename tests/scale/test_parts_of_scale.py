"""What workers are made of, without Ray: parcels, folders, the worker itself; what is said where Ray is missing."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from agentmm.agent import Agent
from agentmm.cli import run as command
from agentmm.collect import collect_sampled
from agentmm.collect.on_ray import question_of
from agentmm.errors import ConfigError, MissingExtra, TraceError, UnknownPlanner, UsageError
from agentmm.media import MediaStore
from agentmm.scale import Fleet, Parcel, RayAgent
from agentmm.scale.cluster import join
from agentmm.scale.folder import WorkerFolder
from agentmm.scale.worker import Worker
from agentmm.trace import TraceStore
from agentmm.world.sample import sample_questions
from tests.scale.conftest import PLANNER, TOOLS
from tests.scale.fake_ray import FakeRay

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, picture):
    """An agent that has made a run with a given and a made picture, and the run's id."""
    with Agent(PLANNER, TOOLS, home=tmp_path / "theirs") as agent:
        answer = agent.ask("paint 7", [picture])
        agent.traces.label(answer.trace_id, "outcome", "right")
        yield agent, answer.trace_id


def test_a_parcel_brings_a_trace_with_its_labels_and_media(run, tmp_path):
    agent, trace = run
    parcel = Parcel.from_parts(Parcel.of({"said": 1}, trace, agent.traces, agent.store).parts())
    ours, media = TraceStore(tmp_path / "ours.db"), MediaStore(tmp_path / "ours")
    parcel.unpack(ours, media)
    there, here = agent.traces.get(trace), ours.get(trace)
    assert parcel.told == {"said": 1}
    assert here.model_dump() == there.model_dump()
    assert here.labels == {"outcome": "right"}
    assert {handle: media.get(record).sha for handle, record in here.media.items()} == {
        handle: record["sha"] for handle, record in there.media.items()
    }
    assert ours.summaries() == agent.traces.summaries()
    with pytest.raises(TraceError, match="already"):
        parcel.unpack(ours, media)


def test_a_parcel_leaves_out_what_the_receiver_has(run):
    agent, trace = run
    media = agent.traces.get(trace).media
    parcel = Parcel.of({}, trace, agent.traces, agent.store, known=[media["image_1"]["sha"]])
    assert [name.partition("/")[2][:64] for name in parcel.files] == [media["image_2"]["sha"]]
    assert Parcel.of({}, "none", agent.traces, agent.store) == Parcel({})


def test_log_probabilities_keep_their_last_bit_and_minus_infinity(tmp_path):
    """JSON has no infinity of its own; Python's writes and reads one."""
    store, other = TraceStore(tmp_path / "a.db"), TraceStore(tmp_path / "b.db")
    values = [float("-inf"), -0.1, -1e-300, float(np.float32(-0.3))]
    store.append("trace-1", "start", {"question": "q"})
    store.append("trace-1", "plan", {"logp_sampled": values, "text": "ü"})
    media = MediaStore(tmp_path)
    Parcel.from_parts(Parcel.of({}, "trace-1", store, media).parts()).unpack(other, media)
    assert other.events("trace-1") == store.events("trace-1")


@pytest.mark.parametrize(
    "parts",
    [[], ["no json"], ["[1]"], ['{"told": {}, "files": ["a"]}'], ['{"told": {}, "trace": {"id": 1}, "files": []}']],
)
def test_what_is_no_parcel_is_refused(parts):
    with pytest.raises(TraceError, match="no parcel"):
        Parcel.from_parts(parts)


def test_a_worker_tells_what_is_wrong_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"planner": PLANNER, "tools": ["no_such_tool"], "graph": "react", "folder": str(tmp_path)}
    worker = Worker("agentmm.scale.asking:AskingHost")
    said = json.loads(worker.load(json.dumps(given)))
    assert said["usage"] is True
    assert said["error"].startswith("no tool of that name; got 'no_such_tool'")
    worker.close()
    worker = Worker("agentmm.scale.asking:AskingHost")
    facts = json.loads(worker.load(json.dumps({**given, "tools": TOOLS})))
    assert facts == {"facts": {"planner": "function:said", "weights": None}}
    parcel = Parcel.from_parts(worker.answer(json.dumps({"files": ["files/x.png"], "records": []}), b"", b""))
    assert parcel.told["error"].startswith("ValueError")
    worker.close()


def test_a_file_that_is_not_what_its_name_says_fails_its_question(tmp_path, monkeypatch, picture):
    monkeypatch.chdir(tmp_path)
    worker = Worker("agentmm.scale.asking:AskingHost")
    worker.load(json.dumps({"planner": PLANNER, "tools": TOOLS, "folder": str(tmp_path)}))
    record = MediaStore(tmp_path / "m").add_bytes(_png(picture, tmp_path))
    told = {"question": "look", "records": [record], "trace": "t-1", "timeout": None}
    bad, good = (
        Parcel.from_parts(worker.answer(json.dumps({**told, "files": [f"files/{record['sha']}.png"]}), data))
        for data in (b"no picture", _png(picture, tmp_path))
    )
    worker.close()
    assert bad.told["answer"]["status"] == "failed"
    assert good.told["answer"]["status"] == "answered"
    assert good.files == {}


def _png(picture, folder):
    picture.save(folder / "p.png")
    return (folder / "p.png").read_bytes()


def test_the_folder_of_a_killed_worker_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "from agentmm.scale.folder import WorkerFolder; import os, sys; made = WorkerFolder();"
        "(made.path / 'media').mkdir(); print(made.path); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    left = Path(said.stdout.strip())
    assert (left / "media").is_dir()
    living = WorkerFolder()
    assert not left.exists()
    other = WorkerFolder()
    assert living.path.is_dir()
    other.remove()
    living.remove()
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_removed_in_part_or_never_named_are_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    partly, new, old = (tmp_path / f"agentmm-{name}" for name in ("worker-partly", "starting-new", "starting-old"))
    for folder in (partly, new, old, tmp_path / "kept"):
        (folder / "media").mkdir(parents=True)
    (tmp_path / "agentmm-worker-link").symlink_to(tmp_path / "kept")
    os.utime(old, (0, 0))
    made = WorkerFolder()
    assert not partly.exists()
    assert not old.exists()
    assert (new / "media").is_dir()
    assert (tmp_path / "kept" / "media").is_dir()
    made.remove()


def test_a_question_of_the_world_is_the_same_after_its_way():
    for question in sample_questions("train", 12, 4, as_hard=True):
        assert question_of(json.loads(json.dumps(asdict(question)))) == question


def test_where_ray_is_missing_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        RayAgent(PLANNER, TOOLS, home=tmp_path) as agent,
        pytest.raises(MissingExtra, match=r'ray is not installed; try: pip install "agentmm\[scale\]"'),
    ):
        agent.batch(["double 1"])


def test_what_is_no_name_cannot_be_sent(tmp_path):
    def planner(messages, tools, media):
        return "7"

    for given in ({"planner": planner}, {"tools": [planner]}, {"graph": planner}):
        with pytest.raises(UsageError, match="by name"):
            RayAgent(home=tmp_path, **given)
    asked = list(sample_questions("train", 1, 4))
    with pytest.raises(UsageError, match="by name"):
        collect_sampled(asked, tmp_path / "t.db", planner, ray=True, home=tmp_path, quiet=True)
    for wrong in ({"workers": 0}, {"at_once": 0}):
        with pytest.raises(UsageError, match="a fleet needs"):
            Fleet("x:y", {}, MediaStore(tmp_path), **wrong)


def test_gold_programs_are_not_carried_out_on_ray(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    assert command(["traces", "collect", "--ray", "-n", "2"]) == 2
    assert "got '--ray'; try: --planner nano" in capsys.readouterr().err


def test_a_planner_of_no_name_is_refused_before_ray_is_started(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UnknownPlanner, match="no planner of that name"):
        RayAgent("nosuch", home=tmp_path)
    assert command(["traces", "collect", "--planner", "nosuch", "--ray", "-n", "2"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: no planner of that name; got 'nosuch'")


@pytest.fixture
def closed():
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_cluster_that_is_down_is_one_line_at_once(closed, form, monkeypatch):
    ray, address = FakeRay(None), form.format(closed)
    ray.is_initialized = lambda: False
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=rf"^no Ray cluster answers at {address}: .*refused; try: ray start --head"):
        join(ray, None, 1)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (None, "no Ray cluster can be started on this machine: too late; try: it again when the machine is less busy"),
        ("auto", "no Ray cluster answers at auto: too late; try: RAY_AUTH_MODE=token if it asks for a token"),
    ],
)
def test_what_ray_raises_as_it_starts_is_one_line(monkeypatch, address, line):
    def init(**given):
        raise Exception("too late\nand so on")

    ray = FakeRay(None)
    ray.is_initialized, ray.init = lambda: False, init
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ConfigError) as caught:
        join(ray, address, 1)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert ray.shut == 1


def test_the_token_of_a_cluster_that_is_started_here_is_for_its_owner(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    token = tmp_path / ".ray" / "auth_token"

    def init(**given):
        token.parent.mkdir(exist_ok=True)
        token.write_text("secret")
        token.chmod(0o644)

    ray = FakeRay(None)
    ray.is_initialized, ray.init = lambda: False, init
    join(ray, None, 1)
    assert token.stat().st_mode & 0o777 == 0o600


def test_a_cluster_is_joined_where_it_is_or_started_here(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    begun = []
    ray = FakeRay(None)
    ray.init = lambda **given: begun.append((given["address"], given.get("num_cpus")))
    assert join(ray, None, 3) is False
    ray.is_initialized = lambda: False
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert join(ray, None, 2.5) is True
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        assert join(ray, address, 2) is True
    assert begun == [("local", 3), (address, None)]
