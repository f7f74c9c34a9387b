"""Where agentmm keeps what it must keep between runs."""

from __future__ import annotations

import os
from pathlib import Path


def default_home() -> Path:
    """The folder for media, traces and checkpoints: `$AGENTMM_HOME`, else `~/.cache/agentmm`; not created here."""
    named = os.environ.get("AGENTMM_HOME")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "agentmm"
