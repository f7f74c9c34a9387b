"""The process that Ray starts: it makes a host (an agent, a sampler) once, then answers many tasks side by side.

Knows nothing of Ray: what comes in and goes out is text and bytes.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from agentmm.scale.folder import WorkerFolder
from agentmm.scale.parcel import Parcel, Part, refusal


class Host(Protocol):
    """What a worker runs.

    Attributes:
        facts: JSON: what was loaded; the same in every worker of a fleet.
    """

    facts: dict[str, Any]

    def __init__(self, home: Path, settings: dict[str, Any]) -> None:
        """Load what the tasks need; media and traces lie in `home`, and leave it some time after they were sent."""

    def run(self, told: dict[str, Any], files: Mapping[str, bytes]) -> Parcel:
        """Answer a task; called by several threads at once."""
        ...

    def close(self) -> None:
        """Let go of what was loaded."""


class Worker:
    """One worker.

    Args:
        host: the host's class, `module:Class`, installed where the worker runs.
    """

    def __init__(self, host: str) -> None:
        module, _, name = host.partition(":")
        self._made = getattr(importlib.import_module(module), name)
        self._folder: WorkerFolder | None = None
        self._host: Any = None

    def load(self, settings: str) -> str:
        """Make the host; its facts, or what was wrong, as JSON."""
        given = json.loads(settings)
        with suppress(OSError):  # another machine may lack the folder; relative names then fail by name
            os.chdir(given.pop("folder"))
        try:
            self._folder = WorkerFolder()
            self._host = self._made(self._folder.path, given)
        except (Exception, SystemExit) as error:
            return json.dumps(refusal(error))
        return json.dumps({"facts": self._host.facts})

    def answer(self, told: str, *files: bytes) -> list[Part]:
        """Answer a task; what it raises comes back as `error` of the parcel."""
        given = json.loads(told)
        try:
            names = given.pop("files")
            return self._host.run(given, dict(zip(names, files, strict=True))).parts()
        except (Exception, SystemExit) as error:
            return Parcel(refusal(error)).parts()

    def close(self) -> None:
        """Let go of the host and remove its folder; the process ends afterwards."""
        with suppress(Exception):  # tasks may be running in it
            if self._host is not None:
                self._host.close()
        if self._folder is not None:
            self._folder.remove()
