"""With `--json` stdout is JSON or empty, whatever goes wrong: the line for people goes to stderr."""

import json

import pytest

from agentmm.cli import run


@pytest.fixture
def broken(tmp_path):
    """A planner that cannot be loaded."""
    path = tmp_path / "broken.py"
    path.write_text("raise RuntimeError('the weights are gone')")
    return f"{path}:planner"


@pytest.fixture
def down(tmp_path):
    """A planner whose every step fails, as one whose server is down."""
    path = tmp_path / "down.py"
    path.write_text("def planner(messages, tools, media):\n    raise ConnectionError('nobody listens')\n")
    return f"{path}:planner"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ask --json What? --planner {broken}", 2),
        ("ask --json What? --planner nobody", 2),
        ("ask --json gone.png What? --planner scripted", 2),
        ("ask --json --resume nothing", 2),
        ("eval world --json -n 2 --workers 1 --planner {broken}", 2),
        ("eval world --json -n 2 --split moon", 2),
        ("eval photos --json --planner {broken}", 2),
        ("eval compare --json gone.jsonl gone.jsonl", 2),
        ("traces verify --json nothing", 2),
        ("traces verify --json --all --store bad.db", 1),
        ("traces list --json --store bad.db", 1),
        ("traces show --json nothing", 2),
        ("traces collect --json -n 2 --workers 1 --planner {broken}", 2),
    ],
)
def test_a_command_that_fails_before_it_prints_says_nothing_on_stdout(agentmm, ask, tmp_path, broken, words, code):
    ask("giving_up")  # so that there is a store
    (tmp_path / "bad.db").write_text("no database")
    ran = agentmm(*words.format(broken=broken).split())
    assert (ran.code, ran.out) == (code, "")
    lines = [line for line in ran.err.splitlines() if not line.startswith("questions:")]
    assert [line[:7] for line in lines] == ["error: "]


def test_doctor_of_a_planner_that_cannot_be_loaded_is_json_all_the_same(agentmm, broken):
    ran = agentmm("doctor", "--json", "--planner", broken)
    told = json.loads(ran.out)
    assert (ran.code, ran.err) == (2, f"error: {told['error']}\n")
    assert "the weights are gone" in ran.err
    assert (told["ok"], set(told)) == (False, {"ok", "error"})
    ran = agentmm("doctor", "--json", "--planner", "nobody")
    assert (ran.code, json.loads(ran.out)["ok"]) == (2, False)
    assert ran.err.endswith("try: --planner nano\n")
    found = json.loads(agentmm("doctor", "--json", "--planner", "scripted").out)
    assert (found["ok"], found["error"], found["planner"]) == (True, None, "scripted")


@pytest.mark.parametrize(
    "name",
    [
        "openai:tiny@http://me:hunter22@host/v1",
        "openai:tiny@http://me:hunter22@host/v1?media=foo",
        "openai:tiny@http://host/v1?media=once&api_key=hunter22",
        "openai:tiny@http://host:99999/v1?api_key=hunter22",
        "openai:tiny@host/v1?api_key=hunter22",
        "openai:tiny@me:hunter22@host/v1",
        "openai:tiny@http://host/v1?api_key=hunter22,http://host/v1?api_key=hunter22",
        "http://me:hunter22@host/v1",
        "anthropic:claude?api_key=hunter22",
    ],
)
def test_a_password_in_a_planners_name_is_not_said_back(agentmm, name):
    ran = agentmm("doctor", "--json", "--planner", name)
    assert (ran.code, json.loads(ran.out)["ok"]) == (2, False)
    assert ran.err.startswith("error: ")
    assert "hunter22" not in ran.out + ran.err


def test_doctor_fits_a_terminal_of_100_columns(agentmm):
    lines = agentmm("doctor").out.splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("home", "mend"))] == []
    at = next(index for index, line in enumerate(lines) if line.startswith("weights  nano"))
    stages = [line.split(":")[0].strip() for line in lines[at + 1 :] if line.startswith("         ") and ":" in line]
    assert stages[:5] == ["lm", "pt", "eyes", "dpo", "it"]  # none of the earlier rounds (`it_3`)
    assert "it_3" in json.loads(agentmm("doctor", "--json").out)["weights"]["nano"]["metrics"]


def test_processes_that_cannot_begin_are_one_line(broken, capfd):
    code = run(["traces", "collect", "--json", "-n", "10", "--workers", "2", "--planner", broken, "--store", "out.db"])
    said = capfd.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("error: ")
    assert "the weights are gone" in said.err


def test_evaluations_say_on_stderr_how_many_runs_failed(agentmm, down):
    ran = agentmm("eval", "tools", "--json", "--planner", down)
    assert "64 of 64 runs failed: they count as wrong answers" in ran.err
    assert json.loads(ran.out)["failed"] == 64


def test_no_control_character_reaches_a_terminal_by_way_of_json(agentmm):
    agentmm("ask", "What\x9b31m is it?", "--planner", "scripted")
    out = agentmm("traces", "list", "--json").out
    assert "What\\u009b31m" in out
    assert "\x9b" not in out
    assert json.loads(out)["question"] == "What\x9b31m is it?"
