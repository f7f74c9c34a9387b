"""Batches and samples on a local Ray of two workers: answers and traces of one process, whatever dies on the way."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agentmm.agent import Agent
from agentmm.collect import collect_sampled
from agentmm.errors import UsageError
from agentmm.scale import RayAgent
from agentmm.trace import TraceStore
from agentmm.world.sample import sample_questions
from tests.scale.conftest import PARTS, PLANNER, TOOLS
from tests.scale.parts import HANGS_S

pytest.importorskip("ray")
pytestmark = pytest.mark.usefixtures("cluster")
ROOT = Path(__file__).parents[2]
EACH = {"workers": 2, "cpus": 0.5}
"""Workers that leave room for those of another test that are not gone yet."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def agent(cluster, home):
    """Two workers with three questions each at once."""
    with RayAgent(PLANNER, TOOLS, home=home, at_once=3, seed=5, **EACH) as made:
        yield made


def hashes(agent, answers):
    return [agent.traces.get(a.trace_id).hash if agent.traces.has(a.trace_id) else None for a in answers]


def told(answers):
    return [(answer.text, answer.status, answer.reason, len(answer.steps)) for answer in answers]


def test_a_batch_on_two_workers_is_that_of_one_process(agent, tmp_path, picture):
    path = tmp_path / "other.png"
    picture.rotate(90, expand=True).save(path)
    asked = [
        *(f"double {number}" for number in range(6)),
        *[("look image_2", [picture, path]), ("look", [path.read_bytes()]), {"question": "look", "media": picture}],
        *("paint 7", "crash", "refuse", "sulk", "hello", "", ("look", ["/no/such/picture.png"])),
    ]
    counted = []
    answers = agent.batch(asked, name="all", progress=lambda done, total: counted.append((done, total)))
    with Agent(PLANNER, TOOLS, home=tmp_path, seed=5) as alone:
        wanted = alone.batch(asked, name="all")
        assert told(answers) == told(wanted)
        assert [answer.trace_id for answer in answers] == [answer.trace_id for answer in wanted]
        assert hashes(agent, answers) == hashes(alone, wanted)
    assert [answer.text for answer in answers[:6]] == [f'told {{"number": {2 * number}}}' for number in range(6)]
    assert [answer.status for answer in answers[9:]] == [
        *("answered", "failed", "answered", "failed", "answered", "failed", "failed"),
    ]
    assert counted == [(number, len(asked)) for number in range(1, len(asked) + 1)]
    painted = agent.store.get(answers[9].media["image_1"])
    assert np.array_equal(painted.pixels, np.full((4, 6, 3), (7, 0, 0), np.uint8))


def test_what_has_an_answer_is_not_asked_again_here_or_there(agent, home, tmp_path):
    """More questions than one worker takes, each of which waits for another process."""
    notes = tmp_path / "notes"
    asked = [f"meet {notes} {line}" for line in "abcd"]
    first = agent.batch(asked, name="day")
    agent.batch([*asked, "sulk"], name="day")
    answers = agent.batch([*asked, "sulk"], name="day")
    lines = [line.split() for line in notes.read_text().splitlines()]
    assert sorted(line for line, _ in lines) == list("abcd")
    assert len({process for _, process in lines}) == 2
    assert str(os.getpid()) not in {process for _, process in lines}
    assert [answer.trace_id for answer in answers] == ["day-1", "day-2", "day-3", "day-4", "day-5_2"]
    assert [answer.text for answer in answers[:4]] == [answer.text for answer in first]
    with Agent(PLANNER, TOOLS, home=home) as alone:
        assert [answer.text for answer in alone.batch(asked, name="day")] == [answer.text for answer in answers[:4]]
        assert len(notes.read_text().splitlines()) == 4


def test_a_name_is_of_one_batch(agent, home, picture):
    agent.batch(["double 1"], name="one")
    for asked, words in ((["double 2"], "asked something else"), ([("double 1", picture)], "other media")):
        with pytest.raises(UsageError, match=words):
            agent.batch(asked, name="one")
    with pytest.raises(UsageError, match="no such part"):
        agent.batch([{"question": "double 1", "thread": "x"}])
    agent.traces.append("two-1", "start", {"question": "double 1", "graph": "react"})
    with pytest.raises(
        UsageError, match=r"begun elsewhere, and a question is not finished; got 'two-1'; try: Agent\(...\).batch"
    ):
        agent.batch(["double 1"], name="two")
    assert agent.batch([]) == []


def test_what_could_not_begin_keeps_a_trace_and_is_asked_again_under_its_name(agent, picture):
    first, second = agent.batch([("double 1", "nowhere.png"), "double 2"], name="lost")
    assert (first.status, second.text) == ("failed", 'told {"number": 4}')
    kept = agent.traces.get(first.trace_id)
    assert (kept.question, kept.status, kept.steps) == ("double 1", "failed", [])
    assert agent.batch([("double 1", picture), "double 2"], name="lost")[0].text == 'told {"number": 2}'


def test_a_local_planner_samples_what_it_samples_alone(cluster, tmp_path):
    """A tiny random planner under the grammar, with pictures and a seed; each worker writes for three at once."""
    pytest.importorskip("torch")
    from tests.scale.tiny_planner import planner

    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 256, (24, 24, 3), dtype=np.uint8) for _ in range(3)]
    asked = [(f"How many {word}?", pictures[:count]) for word in ("red", "blue", "dots") for count in range(3)]
    given = {"tools": ["measure_colour", "calculate"], "seed": 3, "max_steps": 3}
    with Agent(planner, home=tmp_path / "alone", **given) as alone:
        wanted = hashes(alone, alone.batch(asked, workers=3))
    name = f"{Path(__file__).with_name('tiny_planner.py')}:planner"
    with RayAgent(name, home=tmp_path / "ray", at_once=3, **EACH, **given) as agent:
        answers = agent.batch(asked)
        assert hashes(agent, answers) == wanted
        assert all(answer.counters["decode_tokens"] for answer in answers)
    assert len(set(wanted)) == len(asked)


def test_questions_of_a_worker_that_dies_go_to_another(tmp_path, caplog):
    """One ends its worker once, one whenever it is asked: the others are all answered."""
    notes, once, ever = (tmp_path / name for name in ("notes", "once", "ever"))
    asked = [f"die {ever} 99", *(f"note {notes} {line}" for line in "abcdefgh"), f"die {once} 1"]
    caplog.set_level(logging.WARNING, "agentmm")  # a command of another test may have raised it
    with RayAgent(PLANNER, TOOLS, home=tmp_path, at_once=2, **EACH) as agent:
        answers = agent.batch(asked, name="night")
        assert [answer.text for answer in answers[1:9]] == [f'told {{"noted": "{line}"}}' for line in "abcdefgh"]
        assert (answers[0].status, answers[0].trace_id) == ("failed", "night-1")
        assert answers[0].reason.startswith("lost 3 times with its worker, the last time with nothing beside it")
        assert answers[9].text == 'told {"lived": true}'
        assert agent.traces.get("night-1").error == answers[0].reason
    assert ever.read_text().count("died") == 3
    lines = [record.getMessage() for record in caplog.records if "was lost" in record.getMessage()]
    assert len(lines) >= 3  # the one that dies once may do so beside the other
    assert all("Ray worker" in line and "\n" not in line for line in lines)
    assert sum("is given up" in line for line in lines) == 1
    assert sum("done again by another" in line for line in lines) == len(lines) - 1


@pytest.mark.parametrize("how", ["kill -9", "Ctrl-C"])
def test_a_batch_that_was_stopped_goes_on(cluster, tmp_path, how):
    """What is finished is asked no more; what was being answered is asked anew. From the twelfth on all wait for it."""
    notes, at_once = tmp_path / "notes", 2
    asked = [f"hold {notes} {number}" for number in range(40)]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    command = [sys.executable, "-m", "tests.scale.stopped", str(tmp_path), PLANNER, ",".join(TOOLS), str(at_once)]
    environment = {**os.environ, "RAY_ADDRESS": cluster.get_runtime_context().gcs_address}
    driver = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + HANGS_S
    while driver.poll() is None and not (notes.exists() and notes.read_text().count("\n") >= 12):
        assert time.monotonic() < end
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL if how == "kill -9" else signal.SIGINT)
    said = driver.communicate(timeout=HANGS_S)[1]
    assert driver.returncode == (-9 if how == "kill -9" else 130), said
    Path(f"{notes}.go").touch()
    with RayAgent(PLANNER, TOOLS, home=tmp_path, at_once=at_once, **EACH) as agent:
        there = [row["id"] for row in agent.traces.summaries(limit=None)]
        before = notes.read_text().split()[::2]
        assert 0 < len(there) < 40
        answers = agent.batch(asked, name="night")
        assert [answer.text for answer in answers] == [f'told {{"noted": "{number}"}}' for number in range(40)]
        assert {trace.status for trace in agent.traces} == {"answered"}
    after = Counter(notes.read_text().split()[::2])
    finished = {str(int(trace.split("-")[1]) - 1) for trace in there}
    assert finished <= set(before)
    assert {number for number in finished if after[number] > 1} == set()
    assert len(after) == 40


def test_an_async_batch_that_is_cancelled_ends_its_workers_at_once_and_goes_on(cluster, tmp_path):
    """Its question waits for another process, which only the second batch brings."""
    notes = tmp_path / "notes"
    asked = ["double 1", f"meet {notes} here"]

    async def cancelled(agent):
        batch = asyncio.create_task(agent.abatch(asked, name="night"))
        end = time.monotonic() + HANGS_S
        while not (notes.exists() and notes.read_text().endswith("\n")):
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch

    with RayAgent(PLANNER, TOOLS, home=tmp_path, at_once=2, **EACH) as agent:
        asyncio.run(cancelled(agent))
        ended = int(notes.read_text().split()[1])
        answers = asyncio.run(agent.abatch(asked, name="night"))
        assert [answer.text for answer in answers] == ['told {"number": 2}', 'told {"noted": "here"}']
    first, second = notes.read_text().splitlines()
    assert int(first.split()[1]) == ended != int(second.split()[1])
    assert not _runs(ended)


def _runs(process):
    """Whether there is such a process, and it is no dead one that nobody has asked after."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_demonstrations_on_two_workers_are_those_of_one_process(cluster, tmp_path, picture):
    """A tiny random planner counts in the workers which of them fit; pictures of another home go with them."""
    pytest.importorskip("torch")
    from tests.scale.tiny_planner import planner

    shown, asked = tmp_path / "shown", ["double 9", ("look at this please", picture), "paint 8", "no such words"]
    with Agent(PLANNER, TOOLS, home=shown) as agent:
        for one in ("double 3", "double 4 now", "paint 7", ("look image_1 please", picture.rotate(90, expand=True))):
            agent.ask(*([one] if isinstance(one, str) else one))
    given = {"tools": TOOLS, "examples": shown, "example_tokens": 140, "max_steps": 2, "seed": 3}
    with Agent(planner, home=tmp_path / "alone", **given) as alone:
        answers = alone.batch(asked)
        wanted = hashes(alone, answers)
        counts = [len(alone.traces.get(answer.trace_id).examples) // 4 for answer in answers]
    name = f"{Path(__file__).with_name('tiny_planner.py')}:planner"
    with RayAgent(name, home=tmp_path / "ray", at_once=2, **EACH, **given) as agent:
        assert hashes(agent, agent.batch(asked)) == wanted
    assert counts == [2, 1, 1, 0]


def test_samples_on_ray_are_those_of_one_process(tmp_path):
    asked = list(sample_questions("train", 6, 4, families=("calculation", "count_shape"), as_hard=True))
    stores = []
    for ray in (False, True):
        out, folder = tmp_path / f"{ray}.db", tmp_path / str(ray)
        given = {"samples": 2, "tools": TOOLS[:2], "home": folder, "quiet": True, "at_once": 2, "workers": 2}
        assert collect_sampled(asked, out, f"{PARTS}:said", ray=ray, **given) == 12
        with closing(TraceStore(out)) as store:
            said = store.labelled("sample")
            traces = {(said[trace.id]["id"], said[trace.id]["seed"]): trace for trace in store}
        stores.append({key: (trace.hash, trace.labels["outcome"], trace.source) for key, trace in traces.items()})
        names = {record["sha"] for trace in traces.values() for record in trace.media.values()}
        assert names
        assert names <= {path.name.partition(".")[0] for path in (folder / "media").rglob("*.*")}
    assert collect_sampled(asked, out, f"{PARTS}:said", ray=True, **given) == 0
    assert stores[0] == stores[1]
    assert len(stores[0]) == 12
