"""The documents tell the truth: their commands exist and run, README's Python runs, its links lead somewhere."""

import argparse
import importlib.util
import json
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image as PILImage
from typer.main import get_command

from agentmm.cli import run
from agentmm.cli.app import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NANO = ROOT / "agentmm" / "weights" / "nano" / "model.safetensors"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
SLOW = re.compile(r"#.*\bminutes?\b")


def blocks(language):
    """Bodies of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def lines():
    """The commands of README's `sh` blocks."""
    found = [line.strip() for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in found if line and not line.startswith("#")]


def words_of(line):
    """The words after `agentmm`; None for another program."""
    words = shlex.split(line, comments=True)
    at = next((index for index, word in enumerate(words) if Path(word).name == "agentmm"), None)
    return None if at is None else words[at + 1 :]


def commands():
    """`(document, program, words after it, whole)` of every command in a block or between backticks.

    A command is whole in a block; in prose it may be a mere name without options, or be cut short with `...`.
    """
    for path in DOCUMENTS:
        text, name = path.read_text(encoding="utf-8").replace("\\\n", " "), path.name
        fenced = re.findall(r"^```(?:sh|text)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        indented = re.findall(r"^ {4}(\S.*)", prose, flags=re.MULTILINE)
        for line in [*"".join(fenced).splitlines(), *indented]:
            yield from ((name, *found, True) for found in programs(line))
        for span in re.findall(r"`([^`]+)`", prose):
            whole = " -" in span and "..." not in span
            yield from ((name, *found, whole) for found in programs(span))


def programs(line):
    """`(program, words)` of each command of ours in a line of shell."""
    if not re.match(r"\s*(\S*/)?(agentmm|python|make)\s", line):
        return
    for part in re.split(r"\s(?:&&|\|\|?|;)\s", line):
        program, *words = [word for word in shlex.split(part, comments=True) if word != "..."]
        words = words[: words.index(">")] if ">" in words else words
        if Path(program).name != "python":
            yield Path(program).name, words
        elif words[0] == "-m" and words[1].startswith("agentmm"):
            yield words[1], words[2:]
        elif words[0] != "-m":
            yield words[0], words[1:]


COMMANDS = sorted({(name, program, tuple(words), whole) for name, program, words, whole in commands()})


def test_the_commands_of_the_documents_are_found():
    found = {(name, program, *words[:2]) for name, program, words, _ in COMMANDS}
    assert found >= {
        ("README.md", "agentmm", "train", "dpo"),
        ("README.md", "agentmm", "eval", "world"),  # in prose
        ("log.md", "agentmm.train.nano", "--minutes", "38"),
        ("README.md", "benchmarks/bench_ask.py"),
        ("README.md", "make", "demo"),
        ("CONTRIBUTING.md", "make", "bench"),
        ("log.md", "agentmm.collect", "--split", "train"),  # over two lines
    }


@pytest.mark.parametrize(
    ("name", "program", "words", "whole"),
    COMMANDS,
    ids=[f"{name}: {program} {' '.join(words)}"[:100] for name, program, words, _ in COMMANDS],
)
def test_every_command_of_the_documents_exists_with_its_options(name, program, words, whole, monkeypatch):
    """Each is read by the parser that would read it, and goes no further."""
    if program == "make":
        done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    elif program == "agentmm":
        read_by_typer(words, whole)
    else:
        read_by_argparse(program, words, monkeypatch)


def read_by_typer(words, whole):
    """Let the command's own parser read its words."""
    found = get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    if hasattr(found, "commands"):
        assert not words, "no such command"
        return
    try:
        found.make_context(found.name, list(words))
    except Exception as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise


class Parsed(Exception):
    """The words were understood."""


def read_by_argparse(program, words, monkeypatch):
    """Start a script or a module of ours as `python` would, up to where it has parsed its words."""
    script = program.endswith(".py")
    origin = ROOT / program if script else origin_of(program)
    files = [origin, origin.with_name(f"{origin.stem}_main.py")]  # a long module's command line has a file of its own
    if not any("argparse" in file.read_text(encoding="utf-8") for file in files if file.exists()):
        assert words == (), f"{program} takes no options"
        return
    parse = argparse.ArgumentParser.parse_args

    def only_parse(self, *_):
        parse(self, words)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
    start, what = (runpy.run_path, str(origin)) if script else (runpy.run_module, program)
    if script:  # as Python does: a script finds what stands beside it
        monkeypatch.syspath_prepend(str(origin.parent))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy's, where the module is imported already
        with pytest.raises(Parsed):
            start(what, run_name="__main__")


def origin_of(module):
    """The file that `python -m` runs."""
    found = importlib.util.find_spec(module)
    assert found is not None, f"no module {module}"
    return Path(found.origin).with_name("__main__.py") if found.submodule_search_locations else Path(found.origin)


@pytest.mark.skipif(not NANO.is_file(), reason="the weights of nano are not in this checkout")
def test_the_quick_commands_of_readme_run_one_after_another(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in lines():
        words = words_of(line)
        if not words or SLOW.search(line):
            continue
        code = run(["last" if word == "TRACE" else word for word in words])
        said = capsys.readouterr()
        assert code == 0, f"{line}\n{said.err[-2000:]}"
        assert said.out.strip(), line


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Runs the one Python block of README that holds some words, in a folder with the examples; gives its names."""
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    def go(words, name="block.py"):
        (block,) = (block for block in blocks("python") if words in block)
        (tmp_path / name).write_text(block, encoding="utf-8")
        return runpy.run_path(name)

    return go


BLOCKS = {"agent.ask(": "embed", "def measure_brightness(": "tool", "examples=": "shown", "load_tool(": "experts"}
"""Words of each Python block of README; the test of that name runs it."""


def test_every_python_block_of_readme_has_a_test_that_runs_it():
    found = [[words for words in BLOCKS if words in block] for block in blocks("python")]
    assert sorted(found) == sorted([words] for words in BLOCKS)


@pytest.mark.skipif(not NANO.is_file(), reason="the weights of nano are not in this checkout")
def test_the_block_that_embeds_an_agent_runs(ran, capsys):
    with closing(ran("agent.ask(")["agent"]) as agent:
        answer = agent.traces.get("last")
    assert capsys.readouterr().out.startswith(f"{answer.answer} answered ")
    assert answer.answer == "2"


def test_the_block_that_makes_a_tool_runs_here_and_in_the_command_below_it(ran, capsys):
    """The exerciser plans in nano's place: it calls every tool once."""
    PILImage.new("RGB", (8, 8), (40, 50, 60)).save("photo.png")
    tool = ran("def measure_brightness(", "my_tools.py")["measure_brightness"]
    from agentmm.media import open_media

    assert tool.call(image=open_media("photo.png")).value == {"value": 50.0}
    command = next(span for span in re.findall(r"`([^`\n]+)`", README) if "my_tools.py:measure_brightness" in span)
    assert run([*words_of(command), "--planner", "exerciser", "--json"]) == 0
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert (step["tool"], json.loads(step["observation"])) == ("measure_brightness", {"value": 50.0})


@pytest.mark.skipif(not NANO.is_file(), reason="the weights of nano are not in this checkout")
def test_the_block_that_shows_runs_before_a_question_runs(ran, capsys):
    with closing(ran("examples=")["learner"]) as learner:
        (shown,) = [message for message in learner.traces.get("last").examples if message["role"] == "user"]
    assert shown["content"][-1]["text"] == "How many red circles are there?"
    assert capsys.readouterr().out.split()[-1] == "4"


@pytest.mark.skipif(not NANO.is_file(), reason="the weights of nano are not in this checkout")
def test_the_block_that_chooses_experts_runs(ran):
    """No weights of experts are loaded before a call."""
    with closing(ran("load_tool(")["agent"]) as agent:
        named = {tool.name: tool.options for tool in agent.tools}
    assert named == {
        "detect": {"weights": "yolo26n.pt"},
        "transcribe": {"model": "base.en"},
        "imagine": {"pipeline": "FOLDER_OR_NAME"},
        "read_text": {},
    }


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    gone = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert gone == []


def test_named_files_exist():
    named = set(re.findall(r"`((?:agentmm|examples|tools|graphs|scripts|docs|tests)/[\w./-]+)`", README))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_numbers_are_those_of_the_result_files():
    command = [sys.executable, str(ROOT / "benchmarks" / "readme_numbers.py"), "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "python benchmarks/readme_numbers.py"
