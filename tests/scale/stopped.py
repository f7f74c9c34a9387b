"""A batch on a running Ray cluster, to be stopped: `python -m tests.scale.stopped HOME PLANNER TOOLS AT_ONCE`."""

import json
import signal
import sys
from pathlib import Path

from agentmm.scale import RayAgent


def main(home: Path, planner: str, tools: str, at_once: str) -> int:
    """Ask the questions of `asked.json`; 130 where it was interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
    asked = json.loads((home / "asked.json").read_text(encoding="utf-8"))
    try:
        with RayAgent(planner, tools.split(","), workers=2, cpus=0.5, at_once=int(at_once), home=home) as agent:
            agent.batch(asked, name="night")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    folder, *words = sys.argv[1:]
    sys.exit(main(Path(folder), *words))
