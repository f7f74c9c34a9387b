"""What ships beside weights: how they were made, from what, and how good they were."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agentmm.errors import ConfigError
from agentmm.media.opening import file_sha

_PACKAGES = ("agentmm", "torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow")


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Versions of the packages that made the weights; local build marks dropped."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name).split("+")[0]
        except PackageNotFoundError:
            continue
    return found


def write_manifest(folder: Path, facts: dict[str, Any]) -> Path:
    """Write `manifest.json` with the facts, the versions and the SHA-256 of every other file of the folder; atomic."""
    files = {
        path.name: file_sha(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != "manifest.json"
    }
    whole = {**facts, "versions": versions(), "files": files}
    path, partial = folder / "manifest.json", folder / "manifest.part"
    partial.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path


def check_manifest(folder: Path) -> dict[str, Any]:
    """Read a folder's manifest and compare every file with it.

    Raises:
        ConfigError: there is no manifest, or a file is missing or differs.
    """
    path = folder / "manifest.json"
    if not path.exists():
        raise ConfigError("the weights have no manifest", got=str(path))
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name, digest in facts.get("files", {}).items():
        if not (folder / name).exists() or file_sha(folder / name) != digest:
            raise ConfigError("a weights file differs from its manifest", got=name, mend="reinstall agentmm")
    return facts
