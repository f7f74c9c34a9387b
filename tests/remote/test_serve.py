"""A real `transformers serve` process with tiny checkpoints made on disk: text, pictures, streams, tools.

The server needs fastapi and uvicorn, which the extra `test` brings; where they are not installed, `server.py` beside
this file stands in for it and these tests are skipped.
"""

import importlib.util
import os
import subprocess
import sys
import time
import urllib.request

import pytest

from agentmm.planner import load_planner
from agentmm.planner.examination import examine
from agentmm.proof import replay, verify
from tests.foreign.checkpoints import make as make_checkpoint
from tests.remote.test_failures import free_port

LACKING = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(LACKING), reason=f"transformers serve needs {', '.join(LACKING)}: pip install 'transformers[serving]'"
)
START = "from transformers.cli.transformers import main; main()"
CALL = '<tool_call>\n{"name": "rotate", "arguments": {"image": "image_1", "degrees": 90}}\n</tool_call><|im_end|>'


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A random vision-language model that says what it likes."""
    return make_checkpoint("qwen3_vl", tmp_path_factory.mktemp("serve") / "plain")


@pytest.fixture(scope="module")
def caller(checkpoint):
    """The same model, whose generation settings prefer one call to everything else.

    A bias on each beginning of the call's tokens makes the next one the likeliest; the longest match weighs most.
    """
    from transformers import AutoTokenizer, GenerationConfig

    folder = checkpoint.parent / "caller"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    ids = AutoTokenizer.from_pretrained(checkpoint)(CALL)["input_ids"]
    settings = GenerationConfig.from_pretrained(checkpoint)
    settings.sequence_bias = [[ids[: end + 1], 1000.0 * (end + 1)] for end in range(len(ids))]
    settings.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def url():
    """Where a server answers; it is killed at the end."""
    port = free_port()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    words = ["serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait(process, address, seconds=120):
    """Until the server answers."""
    for _ in range(seconds * 10):
        assert process.poll() is None, "the server ended before it answered"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer within {seconds} s")


@pytest.mark.parametrize("streaming", [False, True])
def test_words_about_a_picture(url, checkpoint, make, picture, streaming):
    agent = make(load_planner(f"openai:{checkpoint}@{url}", streaming=streaming, max_tokens=12))
    answer = agent.ask("Which colour?", [picture])
    plan = agent.traces.get(answer.trace_id).steps[0].plan
    assert (answer.status, plan.text) == ("partial", answer.text)
    assert plan.counters["output_tokens"] == 12
    assert plan.counters["cut_off"] == 1
    assert answer.reason == "the planner's answer was cut off by its limit of tokens"


def test_another_picture_gives_other_words(url, checkpoint, make, picture):
    agent = make(load_planner(f"openai:{checkpoint}@{url}", max_tokens=12))
    red = agent.ask("Which colour?", [picture]).text
    assert agent.ask("Which colour?", [picture]).text == red
    assert agent.ask("Which colour?", [picture.rotate(90, expand=True).point(lambda value: 255 - value)]).text != red


@pytest.mark.parametrize("streaming", [False, True])
def test_calls_are_made_and_what_they_made_is_sent_back(url, caller, make, picture, streaming):
    planner = load_planner(f"openai:{caller}@{url}", streaming=streaming, max_tokens=120)
    agent = make(planner, tools=("rotate",), max_steps=2)
    answer = agent.ask("Turn it.", [picture])
    trace = agent.traces.get(answer.trace_id)
    assert (answer.status, answer.reason) == ("partial", "max_steps=2 is spent")
    assert [(call.tool, call.error) for call in trace.calls] == [("rotate", None), ("rotate", None)]
    assert trace.steps[0].plan.calls[0].arguments == {"image": "image_1", "degrees": 90}
    assert trace.steps[1].plan.media == [answer.media["image_2"]["sha"]]
    assert answer.media["image_2"]["height"] == 64


def test_it_tells_no_ids_and_is_not_verifiable(url, checkpoint, make):
    agent = make(load_planner(f"openai:{checkpoint}@{url}", max_tokens=4))
    trace = agent.traces.get(agent.ask("What?").trace_id)
    assert [step.plan.ids for step in trace.steps] == ["none"]
    assert verify(trace, agent.store).status == "not verifiable"
    assert replay(trace, agent.store).same


def test_doctor_says_what_it_does(url, checkpoint, caller):
    random, calling = (examine(f"openai:{folder}@{url}")["served"] for folder in (checkpoint, caller))
    assert [random[name] for name in ("answers", "tools", "pictures", "ids", "logp")] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert calling["answers"]
    assert (random["once"], calling["once"]) == (False, False)
    assert not calling["tools"]  # it calls, but not what it was asked to


def test_a_model_that_is_not_there(url, make, tmp_path):
    agent = make(load_planner(f"openai:{tmp_path / 'nowhere'}@{url}", max_retries=0))
    answer = agent.ask("What?")
    assert answer.status == "failed"
    assert answer.reason.startswith("the server failed, status 500")
