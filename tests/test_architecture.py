"""The rooms and which of them may import which (DESIGN section 2), by import-linter's contracts in `pyproject.toml`."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def test_the_contracts_hold():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "0 broken" in done.stdout


def test_every_room_has_its_place():
    layers = next(contract for contract in LINTER["contracts"] if contract["type"] == "layers")
    placed = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    folders = {path.name for path in (ROOT / "agentmm").iterdir() if (path / "__init__.py").is_file()}
    assert layers["exhaustive"] is True
    assert folders <= placed | set(layers["exhaustive_ignores"])


def test_tools_and_graphs_are_flat():
    for room in ("tools", "graphs"):
        inside = [path.name for path in (ROOT / room).iterdir() if path.is_dir() and not path.name.startswith("__")]
        assert inside == []


def test_no_file_is_longer_than_500_lines():
    rooms = [ROOT / "agentmm", ROOT / "tools", ROOT / "graphs"]
    long = {
        str(path.relative_to(ROOT)): count
        for room in rooms
        for path in room.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}
