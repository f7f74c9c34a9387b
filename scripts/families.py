"""Write docs/families.md: what each family of image-text-to-text models shows here, on tiny checkpoints.

PYTHONPATH=. python scripts/families.py > docs/families.md
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from agentmm.planner.examination import TICKS, examine
from tests.foreign.checkpoints import AUDIO, FAMILIES, make

HEAD = """# Families of models as planners

`--planner hf:FOLDER_OR_NAME` takes any image-text-to-text model of transformers. What a family's template shows is
found out when it is loaded; what it drops is written in Hermes form between the template's own marks. Sessions are
measured on the model itself: cached logits against the library's uncached pass, two pictures, float32. This table is of
tiny random checkpoints of the real classes with templates that treat tools as the shipped ones do; for your own model
ask `agentmm doctor --planner hf:FOLDER_OR_NAME`. Made by `scripts/families.py`.
"""


def main() -> None:
    """Print the page."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = ["family", *(tick.replace("_", " ") for tick in TICKS), "calls", "sessions", "largest difference"]
    print(HEAD)
    print("| " + " | ".join(names) + " |")
    print("|" + " --- |" * len(names))
    with tempfile.TemporaryDirectory() as folder:
        for family in sorted(set(FAMILIES).difference(AUDIO)):
            print("| " + " | ".join(_row(family, examine(f"hf:{make(family, Path(folder) / family)}"))) + " |")


def _row(family: str, found: dict[str, Any]) -> list[str]:
    ticks = ["yes" if found["ticks"][tick] else "no" for tick in TICKS]
    difference = "" if found["difference"] is None else f"{found['difference']:.0e}"
    return [family, *ticks, found["calls"], found["sessions"], difference]


if __name__ == "__main__":
    main()
