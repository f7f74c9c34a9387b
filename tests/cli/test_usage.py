"""Help, versions, misspelt names, streams, exit codes of the command line itself."""

import json
import re
import subprocess

import pytest
from typer.main import get_command

from agentmm.cli.app import app
from tests.cli.conftest import PYTHON


def commands(found, words=()):
    """Every command by the words that call it; groups are those that have commands of their own."""
    yield words, found
    for name, inner in getattr(found, "commands", {}).items():
        yield from commands(inner, (*words, name))


COMMANDS = dict(commands(get_command(app)))
GROUPS = {words for words, found in COMMANDS.items() if hasattr(found, "commands")} - {()}


def test_a_dry_run_says_that_nothing_was_asked(agentmm):
    ran = agentmm("traces", "collect", "-n", "2", "--dry-run")
    assert (ran.code, ran.err) == (0, "nothing was asked; next: the same without --dry-run\n")
    assert ran.out.startswith("questions 2  families ")


def test_the_password_of_a_database_is_not_said_back(agentmm):
    url = "postgresql://me:geheim@127.0.0.1:1/db?password=geheim"
    for words, code in ((("collect", "-n", "1"), 2), (("list",), 1), (("show", "none"), 1)):
        ran = agentmm("traces", *words, "--store", url)
        assert (ran.code, ran.out, "geheim" in ran.err) == (code, "", False)
        assert "postgresql://me:***@127.0.0.1:1/db" in ran.err


@pytest.mark.parametrize(
    "words", [("ask", "What is 2 + 3?", "--think", "on"), ("improve",), ("eval", "examples", "--think", "off")]
)
def test_the_password_in_a_planner_s_address_is_not_said_back(agentmm, words):
    ran = agentmm(*words, "--planner", "openai:model@http://me:geheim@host:8000/v1")
    assert (ran.code, ran.out, "geheim" in ran.err) == (2, "", False)
    assert "got 'openai:model@...'" in ran.err


def test_the_commands_are_found():
    assert {("ask",), ("improve",), ("eval", "tools"), ("eval", "compare"), ("traces", "pairs")} <= set(COMMANDS)
    assert sorted(GROUPS) == [("eval",), ("graphs",), ("tools",), ("traces",), ("train",)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(agentmm, words):
    ran = agentmm(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    if words in GROUPS:
        return
    examples = " ".join(ran.out.rpartition("╰")[2].split())  # what stands below the last box, lines joined
    assert re.search(rf"agentmm {' '.join(words)}\b", examples)
    if words:
        assert {"--quiet", "--verbose"} <= set(re.findall(r"--[a-z-]+", ran.out))


@pytest.mark.parametrize("words", sorted(GROUPS))
def test_a_group_without_a_command_is_wrong_usage(agentmm, words):
    assert agentmm(*words).code == 2


def test_version(agentmm):
    from agentmm import __version__

    assert agentmm("--version") == (0, f"agentmm {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["aks"], "No such command 'aks'. Did you mean 'ask'"),
        (["traces", "lst"], "Did you mean 'list'"),
        (["ask", "--sed", "3", "q"], "No such option: --sed. Did you mean --seed"),
        (["ask", "--max-steps", "0", "q"], "Invalid value for '--max-steps'"),
        (["ask", "--timeout", "soon", "q"], "Invalid value for '--timeout'"),
        (["ask"], "no question; expected MEDIA... QUESTION"),
        (["ask", ""], "the question is empty"),
        (["ask", "--planner", "wat", "q"], "no planner of that name; got 'wat'"),
        (["ask", "--planner", "gone.py:x", "q"], "no such file; got 'gone.py'"),
        (["ask", "--planner", "scripted", "--tools", "zom", "q"], "no tool of that name; got 'zom'"),
        (["ask", "--planner", "hf:/nowhere", "--graph", "reactt", "q"], "no graph of that name; got 'reactt'"),
        (["ask", "--planner", "hf:/nowhere", "--resume", "nothing"], "no such trace; got 'nothing'"),
        (["ask", "--planner", "hf:/nowhere", "q"], "no planner weights there; got '/nowhere'"),
        (["ask", "--planner", "scripted", "--tools", ",", "q"], "--tools names no tool"),
        (["ask", "--think", "of", "q"], "--think is no choice; got 'of'; expected auto | on | off"),
        (["ask", "--planner", "scripted", "--think", "on", "q"], "only a local planner can be told whether to think"),
        (["eval", "world", "--planner", "wat"], "no planner of that name; got 'wat'"),
        (["ask", "--resume", "abcd", "a question"], "--resume takes no media and no question"),
        (["ask", "--approve", "call_1", "q"], "--approve and --deny need --resume TRACE"),
        (["ask", "--resume", "a", "--approve", "c", "--deny", "c"], "a call is approved and denied at once; got 'c'"),
        (["ask", "-", "-"], "stdin can be read once"),
        (["graphs", "draw", "reactt"], "no graph of that name"),
        (["traces", "show", "nothing"], "no such trace"),
        (["traces", "list", "--store", "gone.db"], "no trace store there; got 'gone.db'"),
        (["traces", "verify"], "verify needs a trace, or --all"),
        (["traces", "collect", "-n", "2", "--split", "wat", "--dry-run"], "split"),
        (["train", "dpo"], "Missing option '--pairs'"),
        (["train", "dpo", "--pairs", "p.jsonl", "--planner", "wat"], "no planner that can be trained here"),
        (["eval", "world", "--split", "wat"], "unknown split; got 'wat'"),
        (["eval", "world", "--wordings", "gone.yaml"], "cannot read the wordings"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_2(agentmm, words, line):
    ran = agentmm(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert line in ran.err


def test_tools_and_graphs_are_listed_and_drawn(agentmm):
    tools = {json.loads(line)["name"] for line in agentmm("tools", "list", "--json").out.splitlines()}
    assert {"detect", "read_text", "calculate", "crop"} <= tools
    assert "calculate(expression:Text)" in agentmm("tools", "list").out
    assert re.search(r"Image -> .*Region", agentmm("tools", "graph").out)
    assert agentmm("tools", "graph", "--mermaid").out.startswith(("flowchart", "graph"))
    assert all(
        {"from", "to", "tool"} <= set(json.loads(x)) for x in agentmm("tools", "graph", "--json").out.splitlines()
    )
    assert json.loads(agentmm("graphs", "list", "--json").out.splitlines()[0])["name"] == "react"
    assert "approve" in agentmm("graphs", "draw", "react").out


def test_doctor_tells_what_is_there(agentmm):
    ran = agentmm("doctor", "--json")
    report = json.loads(ran.out)
    assert ran.code == (0 if report["ok"] else 1)
    assert set(report) >= {"agentmm", "python", "device", "extras", "weights", "home", "problems"}
    assert "extras   local" in agentmm("doctor").out


def test_doctor_fails_where_nothing_can_be_written_and_says_how_to_mend_it(agentmm, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "file" / "home"))
    ran = agentmm("doctor")
    assert ran.code == 1
    assert "set AGENTMM_HOME to a folder that is" in ran.out


def test_a_missing_extra_is_one_line_with_its_command(agentmm, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    ran = agentmm("train", "nano", "--stages", "lm")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert 'pip install "agentmm[' in ran.err


@pytest.mark.parametrize("module", ["agentmm", "agentmm.cli"])
def test_both_modules_run_and_help_loads_nothing_heavy(module, environment):
    code = (
        f"import runpy, sys; sys.argv = ['agentmm', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'torch', 'langgraph', 'langchain_core', 'sqlalchemy', 'numpy', 'networkx', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([PYTHON, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: agentmm" in done.stdout


def test_completion_completes(environment):
    asked = {**environment, "_AGENTMM_COMPLETE": "complete_bash", "COMP_WORDS": "agentmm tr", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['agentmm']; from agentmm.cli import main; main()"
    done = subprocess.run([PYTHON, "-c", code], env=asked, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["traces", "train"], "")


def test_a_reader_that_goes_away_is_no_error(environment, tmp_path):
    command = f"{PYTHON} -m agentmm tools list --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    assert (lines[-1], len(lines), done.stderr) == ("0", 2, "")


def test_no_colours_with_no_color(ask, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    ran = ask("giving_up")
    assert "\x1b[" not in ran.out + ran.err


def test_wrong_words_are_refused_before_anything_runs(agentmm, tmp_path):
    """A second picture is no question; a gate needs a tool that is there; seeds and seconds have bounds."""
    from PIL import Image as PILImage

    for name in ("a.png", "b.png"):
        PILImage.new("RGB", (8, 8)).save(tmp_path / name)
    asked = agentmm("ask", "a.png", "b.png")
    assert (asked.code, asked.out) == (2, "")
    assert "a file but no question" in asked.err
    light = ("ask", "a.png", "What?", "--planner", "exerciser", "--tools", "describe_media")
    gate = agentmm(*light, "--ask-first", "describe_medai")
    assert gate.code == 2
    assert "did you mean describe_media?" in gate.err
    assert agentmm(*light, "--seed", "99999999999999999999").code == 2
    assert agentmm(*light, "--seed", "-1").code == 2
    assert agentmm(*light, "--timeout", "inf").code == 2


def test_doctor_finds_a_trace_store_that_cannot_be_read(agentmm, home):
    home.mkdir()
    (home / "traces.db").write_bytes(bytes(range(256)) * 20)
    ran = agentmm("doctor")
    assert ran.code == 1
    assert f"{home / 'traces.db'} cannot be read: move the file away" in ran.out + ran.err
