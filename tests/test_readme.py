"""README tells the truth: its commands run, its links lead somewhere, its Python blocks compile."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from agentmm.cli import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NANO = ROOT / "agentmm" / "weights" / "nano" / "model.safetensors"
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


@pytest.mark.parametrize("line", [line for line in lines() if words_of(line)])
def test_every_command_of_readme_exists_with_its_options(line, capsys):
    words = words_of(line)
    depth = 2 if words[0] in {"tools", "graphs", "traces", "train", "eval"} else 1
    assert run([*words[:depth], "--help"]) == 0
    said = capsys.readouterr().out
    for option in (word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)):
        assert option in said, f"{' '.join(words[:depth])} has no option {option}"


@pytest.mark.parametrize("line", [line for line in lines() if shlex.split(line, comments=True)[0] == "make"])
def test_every_make_target_of_readme_exists(line):
    done = subprocess.run(["make", "-n", *shlex.split(line, comments=True)[1:]], cwd=ROOT, capture_output=True)
    assert done.returncode == 0


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


def test_python_blocks_compile():
    for block in blocks("python"):
        compile(block, "README.md", "exec")


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    gone = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert gone == []


def test_named_files_exist():
    named = set(re.findall(r"`((?:agentmm|examples|tools|graphs|scripts|docs|tests)/[\w./-]+)`", README))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
