"""What is installed: packages, data files, light imports, and that a new tool needs no reinstall."""

import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import agentmm

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ALLOWED = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "PIL", "yaml", "agentmm")


def run(code, cwd=ROOT, **environment):
    """A fresh interpreter's stdout; a failure shows its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


def test_the_list_of_packages_is_the_list_of_folders():
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "agentmm").rglob("__init__.py")
        if path.parent.name not in {"tools", "graphs"}
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"agentmm.tools", "agentmm.graphs"}
    assert PROJECT["project"]["version"] == agentmm.__version__


def test_import_agentmm_loads_nothing_heavy():
    heavy = ("torch", "langgraph", "langchain_core", "transformers", "cv2", "sqlalchemy", "numpy")
    assert run(f"import agentmm, sys; print([name for name in {heavy} if name in sys.modules])") == "[]\n"


BARE = f"""
import builtins, importlib, pkgutil, sys
real, allowed = builtins.__import__, set({ALLOWED!r}) | set(sys.stdlib_module_names)
for name in ("pydantic", "langchain_core", "langgraph", "sqlalchemy", "typer", "cv2", "ultralytics", "av", "rapidocr"):
    sys.modules[name] = None

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    who = (globals or {{}}).get("__name__", "")
    if who.startswith("agentmm") and not level and name.partition(".")[0] not in allowed:
        raise ImportError(f"{{who}} imports {{name}}")
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = guarded
names = ["agentmm.model", "agentmm.world", "agentmm.world.sample", "agentmm.train.loop", "agentmm.train.rowset",
         "agentmm.train.pairs", "agentmm.train.losses.dpo", "agentmm.train.dpo"]
for name in names:
    importlib.import_module(name)
import agentmm.world
for found in pkgutil.walk_packages(agentmm.world.__path__, "agentmm.world."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
print("fine")
"""


def test_model_world_and_the_inner_loop_of_training_need_six_libraries_alone():
    assert run(BARE, OMP_NUM_THREADS="1").endswith("fine\n")


def tracked(*folders):
    """Names of the files under version control that are there, links as such."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *folders], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout, so nobody can say which files are tracked")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def shipped_name(name):
    """Where a tracked file lies in the wheel; None for the two links, which are folders there."""
    if name in {"agentmm/tools", "agentmm/graphs"}:
        return None
    return name if name.startswith("agentmm/") else f"agentmm/{name}"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The tracked files, elsewhere."""
    folder = tmp_path_factory.mktemp("clone")
    for name in tracked():
        source, target = ROOT / name, folder / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder


def test_a_new_file_in_tools_is_a_tool_at_once(clone):
    assert Path(agentmm.__file__).parent == ROOT / "agentmm"
    tools = importlib.import_module("agentmm.tools")
    assert [Path(place).resolve() for place in tools.__path__] == [ROOT / "tools"]
    (clone / "tools" / "shout.py").write_text(
        'from agentmm.tool import tool\n\n\n@tool\ndef shout(text: str) -> dict:\n    """Say it loudly."""\n'
        '    return {"text": text.upper()}\n',
        encoding="utf-8",
    )
    code = (
        "import agentmm; from agentmm.registry import available, load_tools; assert 'shout' in available('tools');"
        "print(agentmm.__file__, load_tools(['shout'])[0].call(text='hey').value)"
    )
    said = run(code, cwd=clone, PYTHONPATH=str(clone))
    assert said == f"{clone / 'agentmm' / '__init__.py'} {{'text': 'HEY'}}\n"
    (clone / "tools" / "shout.py").unlink()


def test_wheel_and_sdist_hold_everything(clone, tmp_path):
    code = (
        "import sys; from setuptools import build_meta as build; out = sys.argv[1];"  # setuptools rewrites sys.argv
        "build.build_wheel(out); build.build_sdist(out)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=clone, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    inside = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {shipped_name(name) for name in tracked("agentmm", "tools", "graphs")} - {None}
    kinds = {Path(name).suffix for name in wanted}
    assert {".py", ".pyi", ".yaml", ".npz", ".ttf", ".json", ".safetensors", ".jinja"} <= kinds
    assert wanted - inside == set()
    assert {name for name in inside - wanted if ".dist-info/" not in name} == set()
    sources = {name.replace("agentmm/tools/", "tools/").replace("agentmm/graphs/", "graphs/") for name in wanted}
    assert sources - packed == set()
