"""`agentmm doctor`: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from agentmm import __version__
from agentmm.cli.console import print_json, print_text, say
from agentmm.errors import AgentmmError, TraceError

EXAMPLES = (
    "agentmm doctor   ·   agentmm doctor --planner hf:FOLDER_OR_NAME   ·   "
    "agentmm doctor --planner openai:MODEL@http://host:port/v1   ·   agentmm doctor --json"
)

_WIDTH = 100
_ROUND = re.compile(r"(.+)_[0-9]+")
"""A stage's name in an earlier round (`it_3`), of which `--json` alone tells."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "local": ("torch", "transformers", "tokenizers", "safetensors", "llguidance"),
    "detect": ("torch", "torchvision", "ultralytics", "safetensors", "cv2"),
    "ocr": ("rapidocr", "onnxruntime", "cv2"),
    "codes": ("cv2",),
    "speech": ("av", "pocketsphinx"),
    "whisper": ("whisper",),
    "imagine": ("diffusers", "accelerate"),
    "remote": ("langchain", "langchain_openai"),
    "postgres": ("psycopg",),
    "scale": ("ray",),
    "train": ("accelerate", "peft", "datasets"),
}


def doctor(
    planner: Annotated[
        str | None,
        typer.Option(
            help="Load this planner, and say what it shows, whether its sessions are exact and whether episodes go"
            " abreast; ask a server twice, and say whether it calls tools, takes pictures, keeps them (so that they"
            " travel once) and tells token ids."
        ),
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; of a planner that fails, with its `error`.")
    ] = False,
) -> int:
    """Check the device, the extras, the shipped weights and the trace store; exit code 1 where nothing can run."""
    if planner is not None:
        return _examined(planner, json_)
    report = _report()
    if json_:
        print_json(report)
    else:
        _show(report)
    return 0 if report["ok"] else 1


def _examined(planner: str, json_: bool) -> int:
    """Report on one planner; as JSON also on one that cannot be loaded.

    Raises:
        AgentmmError: it cannot be loaded, or its server gives no usable reply.
    """
    from agentmm.planner.examination import examine

    try:
        found = examine(planner)
    except AgentmmError as error:
        if json_:
            print_json({"ok": False, "error": str(error)})  # not the name: an address may hold a password
        raise
    if json_:
        print_json({"ok": True, "error": None, **found})
        return 0
    print_text(f"planner   {found['planner']}: {found['model']}, weights {found['weights'] or 'unknown'}")
    for name, shown in (found["ticks"] or {}).items():
        print_text(f"{'✓' if shown else '✗'} {name.replace('_', ' ')}")
    for line in _examined_lines(found):
        print_text(line)
    return 0


def _examined_lines(found: dict[str, Any]) -> Iterator[str]:
    """How a planner calls and remembers, where it is known here."""
    ways = {"template": "as its own template writes them", "hermes": "in Hermes form between the template's marks"}
    if found["calls"]:
        plain = f", {' and '.join(found['plain'])} as plain text" if found["plain"] else ""
        yield f"calls     {ways[found['calls']]}{plain}"
    if found["plain_turns"]:
        *marks, last = found["plain_turns"]
        named = f"{', '.join(marks)} and {last}" if marks else last
        yield f"turns     {named} as plain text: users and tools can write them, too"
    rounded = f", to the rounding of {found['half']}" if found["coarse"] is not None else ""
    if found["sessions"] == "exact":
        measured = f", largest difference {found['difference']:.1e}" if found["difference"] is not None else ""
        yield f"sessions  exact{rounded}: a step feeds only what is new{measured}"
    elif found["sessions"]:
        yield f"sessions  none: every token costs a whole pass ({found['why']})"
    if found["batch"] == "abreast":
        measured = f", largest difference {found['apart']:.1e}" if found["apart"] is not None else ""
        yield f"batch     abreast{rounded}: the steps of several episodes are one pass{measured}"
        if found["half"]:
            yield "          a near tie may fall otherwise than alone; ?batch=exact gives each passes of its own"
    elif found["batch"]:
        yield f"batch     in turns: each episode has passes of its own ({found['turns']})"
    if found["coarse"] is not None:
        yield f"precision {found['half']}: {found['coarse']:.1e} from float32, the largest difference of a logit"
    if found["served"]:
        yield from _served_lines(found["served"])
    if found["context"]:
        yield f"context   {found['context']} tokens"
    if found["surplus"]:
        first, *more = found["surplus"]
        others = f" and {len(more)} more tensors" if more else ""
        yield f"surplus   the model has no place for {first}{others} of its files"


def _served_lines(served: dict[str, Any]) -> Iterator[str]:
    """What a server does."""
    unverifiable = "none: steps are marked `ids: none`, and `agentmm traces verify` says not verifiable"
    for one in served["servers"]:
        yield f"server    {one['server']}: {'works' if one['works'] else 'left aside: ' + one['why']}"
    yield f"answers   yes, in {served['seconds']:.2f} s"
    if served["as_text"]:
        yield "tools     calls come as text (the server's tool parser is off); they are read"
    else:
        yield f"tools     {'called' if served['tools'] else 'not called, though asked to'}"
    yield f"pictures  {'taken' if served['pictures'] else served['why']}"
    if served["pictures"]:
        yield f"travel    {'once' if served['once'] else 'with each request'}: {served['travel']}"
    yield f"ids       {'yes: steps are recorded token by token' if served['ids'] else unverifiable}"
    yield f"logp      {'yes' if served['logp'] else 'none'}"


def _report() -> dict[str, Any]:
    extras = {
        name: [module for module in modules if importlib.util.find_spec(module) is None]
        for name, modules in EXTRAS.items()
    }
    weights = {name: _weights(name) for name in ("nano", "detector")}
    home = _home()
    problems = [
        f'extra {name} lacks {", ".join(gone)}: pip install "agentmm[{name}]"' for name, gone in extras.items() if gone
    ]
    problems += [
        f"weights of {name} are missing or damaged: agentmm train {name}"
        for name, found in weights.items()
        if not found
    ]
    if _both_opencv():
        problems.append(
            "opencv-python and opencv-python-headless share files: uninstall both, then install the headless one"
        )
    if home["unreadable"] is not None:
        problems.append(f"{home['unreadable']} cannot be read: move the file away, a new one is made")
    if not home["writable"]:
        problems.append(f"{home['path']} is not writable: set AGENTMM_HOME to a folder that is")
    return {
        "ok": home["writable"] and home["unreadable"] is None,
        "agentmm": __version__,
        "python": platform.python_version(),
        "device": _device(),
        "extras": {name: not gone for name, gone in extras.items()},
        "weights": weights,
        "home": home,
        "problems": problems,
    }


def _device() -> dict[str, Any]:
    """Cores and the accelerator, asked of torch where it is installed."""
    if importlib.util.find_spec("torch") is None:
        return {"cores": os.cpu_count(), "accelerator": None, "torch": None}
    import torch

    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"cores": os.cpu_count(), "accelerator": name, "torch": torch.__version__}


def _weights(name: str) -> dict[str, Any] | None:
    """The manifest's main facts, or None where the weights are not there, or it cannot be read."""
    folder = Path(__file__).parent.parent / "weights" / name
    manifest = folder / "manifest.json"
    if not manifest.is_file() or not (folder / "model.safetensors").is_file():
        return None
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        metrics = dict(facts.get("metrics", {}))
    except (ValueError, TypeError, AttributeError):
        return None
    return {"bytes": (folder / "model.safetensors").stat().st_size, "metrics": metrics}


def _home() -> dict[str, Any]:
    from agentmm.media import default_home

    path = Path(default_home())
    nearest = next(folder for folder in (path, *path.parents) if os.path.exists(folder))
    return {
        "path": str(path),
        "writable": nearest.is_dir() and os.access(nearest, os.W_OK),
        "free_mb": shutil.disk_usage(nearest).free // 2**20,
        "unreadable": _broken_store(path / "traces.db"),
    }


def _broken_store(path: Path) -> str | None:
    """The trace store, where it is there and cannot be read."""
    from agentmm.trace import TraceStore

    if not path.is_file():
        return None
    try:
        store = TraceStore(path)
        store.summaries(1)
        store.close()
    except TraceError:
        return str(path)
    return None


def _both_opencv() -> bool:
    names = {name for name in ("opencv-python", "opencv-python-headless") if _installed(name)}
    return len(names) == 2


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _show(report: dict[str, Any]) -> None:
    device, home = report["device"], report["home"]
    lines = [
        f"agentmm  {report['agentmm']}, Python {report['python']}, torch {device['torch'] or 'not installed'}",
        f"device   {device['cores']} cores, accelerator: {device['accelerator'] or 'none'}",
        *_filled("extras   ", [f"{name} {'yes' if there else 'NO'}" for name, there in report["extras"].items()]),
        *(line for name, facts in report["weights"].items() for line in _weights_lines(name, facts)),
        f"home     {home['path']} ({home['free_mb']} MB free)",
    ]
    for line in lines:
        print_text(line)
    for problem in report["problems"]:
        print_text(f"mend     {problem}", style="yellow")
    say('next     agentmm demo   ·   agentmm ask photo.jpg "How many people are there?"')


def _filled(head: str, items: Iterable[str]) -> Iterator[str]:
    """Items in as few lines as a terminal takes, the head before the first, as much space before the others."""
    line = head
    for item in items:
        if line.strip() and line != head and len(line) + len(item) > _WIDTH:
            yield line.rstrip()
            line = " " * len(head)
        line += f"{item}  "
    yield line.rstrip()


def _weights_lines(name: str, facts: dict[str, Any] | None) -> Iterator[str]:
    """Size of the weights, then what was measured after each stage of their training, a stage a line."""
    if facts is None:
        yield f"weights  {name}: missing"
        return
    yield f"weights  {name}: {facts['bytes'] / 2**20:.1f} MiB"
    metrics = facts["metrics"]
    plain = [f"{key} {value}" for key, value in metrics.items() if isinstance(value, int | float)]
    if plain:
        yield from _filled(" " * 9, plain)
    for stage, found in metrics.items():
        earlier = _ROUND.fullmatch(stage)
        if isinstance(found, dict) and not (earlier and earlier[1] in metrics):
            yield from _filled(f"         {stage}: ", [f"{key} {value}" for key, value in found.items()])
