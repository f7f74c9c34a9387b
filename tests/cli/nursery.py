"""Runs the command line in forked processes and kills them; one JSON line a round.

`python -m tests.cli.nursery PARTS FOLDER ROUNDS SIGNAL`

Everything is imported once, so that a round costs the run alone.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from agentmm.agent import Agent  # noqa: F401 - warm before the forks
from agentmm.cli import run
from agentmm.planner import function, scripted  # noqa: F401
from agentmm.trace import TraceStore
from tests.cli.parts import STEPS

LATEST = time.monotonic() + 300
"""Nobody waits longer for a call."""

TRIES = 5
"""A round whose kill came when the run was over is made again, at another moment."""


def words(parts, *more):
    return ["ask", *more, "--planner", f"{parts}:writing", "--tools", f"{parts}:note", "--json"]


def child(arguments, out):
    """A forked process that runs the command line with its stdout in a file."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        sys.stdout = out.open("w", encoding="utf-8")
        sys.stderr = out.with_suffix(".err").open("w", encoding="utf-8")
        out.with_suffix(".begun").touch()
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def whole_run(parts, folder):
    """Seconds of a run that nobody kills."""
    enter(folder)
    began = time.monotonic()
    assert ended(child(words(parts, "go"), folder / "out")) == 0, (folder / "out.err").read_text()
    return time.monotonic() - began


def enter(folder):
    folder.mkdir(parents=True)
    os.environ["AGENTMM_HOME"], os.environ["NOTES"] = str(folder / "home"), str(folder / "notes")


def killed_run(parts, folder, noted, seconds, sign):
    """One run that is killed so long after so many of its calls were made, looked at, and resumed."""
    enter(folder)
    pid = child(words(parts, "go"), folder / "first")
    while not (folder / "first.begun").exists() and alive(
        pid
    ):  # before that a Ctrl-C is the nursery's, not the command's
        time.sleep(0.001)
    while len(notes(folder)) < noted and alive(pid) and time.monotonic() < LATEST:
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(pid, sign)
    code = ended(pid)
    if not (folder / "home" / "traces.db").is_file():
        return {"code": code, "trace": None}
    store = TraceStore(folder / "home" / "traces.db")
    rows = store.summaries(None)
    if not rows:
        return {"code": code, "trace": None}
    trace = store.get(rows[0]["id"])
    finished = {result.call: result.observation for result in trace.calls}
    journal = folder / "home" / "journal" / f"{trace.id}.jsonl"
    for line in journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []:
        entry = json.loads(line)
        if not entry["error"]:  # a call that had begun and not finished is in the journal as in doubt
            finished.setdefault(entry["call"], json.dumps(entry["value"]))
    before = notes(folder)
    again = ended(child(words(parts, "--resume", trace.id), folder / "second"))
    after = store.get(trace.id)
    store.close()
    told = json.loads((folder / "second").read_text() or "{}")
    return {
        "code": code, "trace": trace.id, "first": (folder / "first").read_text(), "again": again, "told": told,
        "error": (folder / "first.err").read_text(), "said": (folder / "second.err").read_text(),
        "finished": finished, "before": before, "after": notes(folder),
        "results": {result.call: result.observation for result in after.calls}, "status": after.status,
    }  # fmt: skip


def alive(pid):
    """Whether a child has not ended; one that has is left to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def notes(folder):
    path = folder / "notes"
    return path.read_text().split() if path.exists() else []


def main():
    parts, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    sign = getattr(signal, sys.argv[4])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell starts its children deaf to it
    span = max(whole_run(parts, folder / f"whole{k}") for k in range(2))
    rng = random.Random(1)
    for number in range(rounds):
        for attempt in range(TRIES):
            noted, moment = moment_of(number, rng, span)
            told = killed_run(parts, folder / f"{number}_{attempt}", noted, moment, sign)
            if told["code"]:
                break
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def moment_of(number, rng, span):
    """When to kill: at any moment of the start, or within the step that follows after so many calls were made.

    Time alone would not do: where the machine is busy, hardly any moment falls into the run by chance. So four rounds
    of five count the calls: all but the last step's, each number in its turn.
    """
    if number % 5 == 4:
        return 0, rng.uniform(0.02, 0.95) * span
    return 1 + (number - number // 5) % (2 * STEPS - 2), rng.uniform(0.0, span / (2 * STEPS))


if __name__ == "__main__":
    main()
