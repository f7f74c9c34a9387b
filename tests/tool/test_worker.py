"""Workers: calls that can be ended, and no process left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from agentmm.errors import ConfigError, MissingExtra, ToolCrash, ToolError, ToolTimeout
from agentmm.media import Image
from agentmm.tool import run_tool, tool
from agentmm.tool.decorator import LateTool
from agentmm.tool.reference import load_reference, reference_of
from agentmm.tool.worker import WORKERS, Workers
from tests.tool import sample_tools

REFERENCES = {tool.name: tool.reference for tool in (sample_tools.hoard, sample_tools.shout)}


@pytest.fixture(scope="module", autouse=True)
def _no_worker_stays():
    yield
    WORKERS.close()


def run(name, timeout_s=60.0, **arguments):
    return run_tool(getattr(sample_tools, name), arguments, timeout_s).value


def test_runs_elsewhere_and_stays_warm():
    first, second = run("shout", text="a"), run("shout", text="b")
    assert first["text"] == "aaa!"
    assert first["pid"] == second["pid"] != str(os.getpid())


def test_settings_and_media_cross():
    image = Image(np.arange(600, dtype=np.uint8).reshape(10, 20, 3))
    value = run_tool(sample_tools.halves, {"image": image}, 60.0).value
    assert np.array_equal(value["mirror"].pixels, image.pixels[:, ::-1])
    left, right = value["found"]
    assert (left.text, right.box, right.origin) == ("left half", (10, 0, 20, 10), image.place)
    assert left.image is image
    loud = sample_tools.shout.with_options(mark="?")
    assert run_tool(loud, {"text": "a"}, 60.0).value["text"] == "aaa?"


def test_a_hanging_call_is_ended_with_what_it_started():
    run("shout", text="warm")
    for name, arguments in (("hang", {"seconds": 3600.0}), ("busy", {"rounds": 1})):
        before = set(psutil.Process().children(recursive=True))
        started = time.monotonic()
        with pytest.raises(ToolTimeout, match=f"{name} was ended after 0.8 s"):
            run(name, timeout_s=0.8, **arguments)
        assert time.monotonic() - started < 4
        left = [child for child in psutil.Process().children(recursive=True) if child not in before]
        assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]
    assert run("shout", text="a")["text"] == "aaa!", "a new worker takes over"


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("tool", ToolError, "^sorry$"),
        ("extra", MissingExtra, "nothing is not installed"),
        ("value", ToolCrash, "tool 'fail' crashed: ValueError: bad luck"),
        ("exit", ToolCrash, "tool 'fail' crashed: SystemExit: 3"),
        ("die", ToolCrash, "the worker of fail died; got 'exit code 4'"),
        ("signal", ToolCrash, "the worker of fail died; got 'SIGKILL'"),
        ("large", ToolError, "returned too much"),
        ("odd", ToolError, "no JSON"),
        ("deep", ToolError, "too deeply"),
    ],
)
def test_errors_come_back_as_what_they_are(how, error, words):
    with pytest.raises(error, match=words):
        run("fail", how=how)


@pytest.mark.parametrize("timeout_s", [60.0, None])
def test_a_tool_that_takes_too_much_memory_is_told_so_and_its_worker_replaced(timeout_s):
    assert run("hoard", timeout_s, megabytes=10) == {"bytes": 10 * 2**20}
    before = set(WORKERS.pids())
    with pytest.raises(ToolError, match=r"^hoard ran out of memory; expected at most 200 MiB$"):
        run("hoard", timeout_s, megabytes=400)
    after = set(WORKERS.pids())
    assert len(before - after) == 1
    assert run("hoard", timeout_s, megabytes=10) == {"bytes": 10 * 2**20}
    assert len(set(WORKERS.pids()) - after) == 1


def test_a_bound_is_for_its_own_tool():
    pool, shout, hoard = Workers(most=1), REFERENCES["shout"], REFERENCES["hoard"]
    try:
        first = pool.call(shout, {"text": "a"}, 60.0)["pid"]
        assert pool.call(hoard, {"megabytes": 400}, 60.0) == {"bytes": 400 * 2**20}
        assert str(pool.pids()[0]) == first
        with pytest.raises(ToolError, match="ran out of memory"):
            pool.call(hoard, {"megabytes": 400}, 60.0, 200)
        assert pool.call(hoard, {"megabytes": 10}, 60.0, 200) == {"bytes": 10 * 2**20}
        bounded = str(pool.pids()[0])
        assert pool.call(shout, {"text": "a"}, 60.0)["pid"] not in (first, bounded)
    finally:
        pool.close()


def test_arguments_beyond_the_bound_are_told_too():
    pool, large = Workers(most=1), Image(np.zeros((5000, 8000, 3), np.uint8))
    try:
        with pytest.raises(ToolError, match=r"^halves ran out of memory; expected at most 60 MiB$"):
            pool.call(sample_tools.halves.reference, {"image": large}, 60.0, 60)
    finally:
        pool.close()


def test_a_bound_needs_a_worker():
    with pytest.raises(ConfigError, match="has a memory bound but runs in a thread"):
        tool(memory_mb=64, isolation="thread", description="Nothing.")(sample_tools.halves.function)
    with pytest.raises(ConfigError, match="cannot run in a worker"):
        tool(memory_mb=64, name="inner", description="Nothing.")(lambda: None)


def test_parallel_calls_get_workers_of_their_own():
    pool, pids = Workers(most=2), []

    def call():
        pids.append(pool.call(REFERENCES["shout"], {"text": "a"}, 60.0)["pid"])

    try:
        threads = [threading.Thread(target=call) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pids) == 5
        assert len(set(pids)) <= 2
    finally:
        pool.close()
    assert pool.pids() == []


def test_no_time_left_is_a_timeout_before_anything_starts():
    with pytest.raises(ToolTimeout, match="no time left"):
        run("shout", timeout_s=0.0, text="a")


SCRIPT = """
    import sys, time
    from agentmm.tool import run_tool, tool
    open("ran.txt", "a").write("ran ")
    NUMBER = int("7")

    def helper():
        return NUMBER

    @tool
    def number(text: str) -> dict:
        "A number."
        time.sleep(3600 if text == "hang" else 0)
        return {"number": helper()}

    print(run_tool(number, {"text": sys.argv[1]}, 600).value, flush=True)
"""


def start(folder, argument):
    path = folder / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(path), argument]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()})


def test_a_tool_of_a_script_runs_without_running_the_script_again(tmp_path):
    with start(tmp_path, "go") as process:
        assert process.stdout.read() == b"{'number': 7}\n"
    assert (tmp_path / "ran.txt").read_text() == "ran "


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_a_killed_parent(tmp_path, sent):
    with start(tmp_path, "hang") as process:
        children = []
        until = time.monotonic() + 120
        while not children and time.monotonic() < until:
            children = psutil.Process(process.pid).children()
            time.sleep(0.05)
        process.send_signal(sent)
        process.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_references_lead_back_to_the_function():
    reference = reference_of(sample_tools.repeated)
    assert Path(reference.path).name == "sample_tools.py"
    assert load_reference(reference) is sample_tools.repeated
    assert reference_of(lambda: None) is None


def test_a_tool_in_a_worker_is_built_when_it_is_asked_for():
    late = LateTool(sample_tools.repeated, {"description": "Repeat.", "name": "again"})
    assert late.function("a") == "aaa"
    with pytest.raises(ConfigError, match="argument 'text' of tool 'again' has no annotation"):
        _ = late.signature
    built = LateTool(sample_tools.shout.function, {"description": "Shout."})
    assert built.signature == "shout(text:Text)"
    assert built.with_options(mark="?").call(text="a").value["text"] == "aaa?"
