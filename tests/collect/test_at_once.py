"""Samples side by side: what one after another gives; a killed collection makes no finished run again."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from agentmm.collect import collect_sampled
from agentmm.errors import PlannerError
from agentmm.trace import TraceStore
from agentmm.train.offers import other_names
from agentmm.world.sample import sample_questions

PLAIN = ("calculation", "comparison")
PLANNER = """
import time
def slow(messages, tools, media):
    with open({log!r}, "a") as log:
        log.write(str(messages[0].text) + chr(10))
    time.sleep(0.05)
    return "7"
"""


def questions(count):
    return list(sample_questions("train", count, 4, families=PLAIN))


def test_runs_side_by_side_are_those_of_one_after_another(tmp_path):
    pytest.importorskip("torch")
    from tests.planner.kit import tiny

    told = []
    for at_once in (1, 5):
        planner, out = tiny(temperature=1.0, think=False), tmp_path / f"{at_once}.db"
        options = {"tools": ["calculate"], "home": tmp_path, "quiet": True}
        assert collect_sampled(questions(3), out, planner, samples=3, at_once=at_once, **options) == 9
        assert collect_sampled(questions(3), out, planner, samples=3, at_once=at_once, **options) == 0
        with closing(TraceStore(out)) as store:
            said = store.labelled("sample")
            told.append({(said[trace.id]["id"], said[trace.id]["seed"]): trace.hash for trace in store})
    assert told[0] == told[1]
    assert len(set(told[0].values())) == 9
    assert planner.batching.most > 2


def test_renamed_tools_go_by_other_names_the_same_in_all_samples_of_a_question(tmp_path):
    asked = list(sample_questions("train", 24, 4, families=PLAIN, as_hard=True))
    assert 0 < sum(question.renamed for question in asked) < 24
    out = tmp_path / "named.db"

    def says(messages, tools, media):
        return ",".join(sorted(tool.name for tool in tools))

    options = {"tools": ["calculate"], "home": tmp_path, "quiet": True, "samples": 2}
    assert collect_sampled(asked, out, says, **options) == 48
    with closing(TraceStore(out)) as store:
        for trace in store:
            told = trace.labels["question"]
            names = other_names(told["id"]) if told["renamed"] else {}
            name, what = names.get("calculate", ("calculate", ""))
            assert trace.answer == name
            assert [(tool.name, tool.signature.endswith(what)) for tool in trace.tools] == [(name, True)]


def test_an_error_ends_the_collection_and_what_is_finished_stays(tmp_path, monkeypatch):
    from agentmm.collect.runner import Runner

    own, made, there = Runner.run, [], set()

    def run(self, question, **given):
        made.append(question.id)
        if len(made) == 4 and not there:
            raise PlannerError("no more")
        return own(self, question, **given)

    monkeypatch.setattr(Runner, "run", run)
    out = tmp_path / "t.db"
    options = {"samples": 1, "tools": ["calculate"], "home": tmp_path, "quiet": True, "at_once": 2}
    with pytest.raises(PlannerError, match="no more"):
        collect_sampled(questions(8), out, lambda messages, tools, media: "7", **options)
    with closing(TraceStore(out)) as store:
        there |= {said["id"] for said in store.labelled("sample").values()}
    assert len(there) >= 3
    del made[:]
    collect_sampled(questions(8), out, lambda messages, tools, media: "7", **options)
    assert not there & set(made)


def test_a_killed_collection_makes_no_finished_run_again(tmp_path):
    workers, at_once = 2, 2
    log, out, path = tmp_path / "asked", tmp_path / "t.db", tmp_path / "planner.py"
    path.write_text(PLANNER.format(log=str(log)))
    command = [
        *(sys.executable, "-m", "agentmm.collect", "-n", "24", "--seed", "4", "--families", ",".join(PLAIN)),
        *("--tools", "calculate", "--planner", f"{path}:slow", "--samples", "1", "--home", str(tmp_path)),
        *("--out", str(out), "--workers", str(workers), "--at-once", str(at_once)),
    ]
    root = Path(__file__).parents[2]
    first = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while time.monotonic() < end and len(asked(log)) < 12:
        time.sleep(0.005)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(0.3)  # its processes end with it
    before = asked(log)
    assert 12 <= len(before) < 24
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=300)
    with closing(TraceStore(out)) as store:
        traces = list(store)
        there = Counter(said["id"] for said in store.labelled("sample").values())
    assert len(traces) == len(there) == 24
    assert {trace.status for trace in traces} == {"answered"}  # none is half there
    twice = [question for question, count in Counter(asked(log)).items() if count > 1]
    assert len(twice) <= workers * at_once  # those that were being answered


def asked(log):
    return log.read_text().splitlines() if log.exists() else []


def test_a_family_that_is_not_there_is_one_line(tmp_path, capsys):
    from agentmm.collect.__main__ import main

    assert main(["--families", "nope", "--out", str(tmp_path / "t.db")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "unknown family; got 'nope'; try: agentmm eval families" in said
