import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from agentmm.planner.scripted import ScriptedPlanner
from agentmm.tool.worker import WORKERS
from agentmm.world.program import Call
from tests.marked import NAME, left_of, marked
from tests.nodes import kit

HANGING = """
import sys, time
from agentmm.agent import Agent
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.world.program import Call
from tests.nodes import kit

seconds = 0.0

def program():
    yield [Call("hang", {"seconds": seconds})]
    return "done"

agent = Agent(ScriptedPlanner(program), [kit.hang], home=sys.argv[1])
print(agent.ask("q", timeout=120).status, flush=True)  # everything is loaded now, and the worker waits
sys.stdin.readline()
seconds, began = 3600.0, time.monotonic()
print(agent.ask("q", timeout=2).status, time.monotonic() - began, flush=True)
sys.stdin.readline()
"""


def test_a_hanging_tool_fails_the_run_in_time_and_leaves_no_process(tmp_path):
    """A mark in the environment finds the worker while it may live: not when its run is over, nor after the agent."""
    mark, root = str(tmp_path), Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(tmp_path)], cwd=root, env={**os.environ, NAME: mark},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "answered\n"
        assert len(set(marked(mark)) - {process.pid}) == 1
        process.stdin.write("\n")
        process.stdin.flush()
        status, seconds = process.stdout.readline().split()
        assert left_of(mark, but=process.pid) == []
        process.communicate("\n", timeout=120)
    assert (status, process.returncode) == ("failed", 0)
    assert 1.5 < float(seconds) < 4
    assert left_of(mark) == []


def test_a_hanging_tool_with_a_timeout_of_two_seconds(make):
    def program():
        yield [Call("hang"), Call("paint", {"red": 1})]

    agent = make(program, [kit.hang, kit.paint])
    known, began = set(WORKERS.pids()), time.monotonic()
    answer = agent.ask("q", timeout=2)
    assert time.monotonic() - began < 4
    assert answer.status == "failed"
    assert "hang" in answer.text
    assert "paint gave" in answer.text
    assert agent.traces.get(answer.trace_id).status == "failed"
    assert set(WORKERS.pids()) <= known


def test_the_checkpoint_database_stays_small_over_twenty_turns_with_four_images(make, tmp_path):
    def look():
        (seen,) = yield [Call("halves", {"image": f"image_{k}"}) for k in range(1, 2)]
        found = [line.split()[0] for line in seen["found"]]
        yield [Call("measure_colour", {"image": handle}) for handle in found]
        yield [Call("paint", {"red": 3})]
        return f"red [{found[0]}]"

    agent = make(ScriptedPlanner(look), [kit.halves, "measure_colour", kit.paint])
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (600, 600, 3), dtype=np.uint8) for _ in range(4)]
    thread = agent.ask("look", images).trace_id
    for _ in range(19):
        assert agent.ask("look", thread=thread).status == "answered"
    size = sum(path.stat().st_size for path in tmp_path.glob("checkpoints.db*"))
    assert size <= 1_000_000
    assert agent.traces.get(f"{thread}.20").answer.startswith("red [region_")


def test_a_state_holds_json_types_and_messages_alone(make, picture):
    from langchain_core.messages import BaseMessage

    def look():
        yield [Call("halves", {"image": "image_1"}), Call("paint", {"red": 3})]
        return "[region_1]"

    agent = make(look, [kit.halves, kit.paint])
    answer = agent.ask("look", [picture])
    values = agent.graph.get_state({"configurable": {"thread_id": answer.trace_id}}).values
    assert all(isinstance(message, BaseMessage) for message in values["messages"])
    rest = {key: value for key, value in values.items() if key != "messages"}
    assert json.loads(json.dumps(rest)) == rest
    blocks = json.dumps([message.content for message in values["messages"]])
    assert len(blocks) < 1000  # handles, no pixels
