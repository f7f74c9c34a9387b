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
from tests.nodes import kit

HANGING = """
import sys
from agentmm.agent import Agent
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.world.program import Call
from tests.nodes import kit

def program():
    yield [Call("hang")]

answer = Agent(ScriptedPlanner(program), [kit.hang], home=sys.argv[1], timeout=2).ask("q")
print(answer.status, flush=True)
"""


def test_a_hanging_tool_fails_the_run_in_time_and_leaves_no_process(tmp_path):
    command = [sys.executable, "-c", HANGING, str(tmp_path)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=300)
    assert (out.strip(), process.returncode) == ("failed", 0)
    time.sleep(0.1)
    mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and _parent_was(pid, process.pid, str(tmp_path))]
    assert not mine


def _parent_was(pid, parent, word):
    """Whether a process descends from the run: same session, or its command line names the run's home."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
    return word in line and int(pid) != os.getpid()


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
