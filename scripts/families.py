"""Write docs/families.md: what each family of models that see or hear shows here, on tiny checkpoints.

PYTHONPATH=. python scripts/families.py > docs/families.md
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from agentmm.errors import AgentmmError
from agentmm.planner import load_planner
from agentmm.planner.examination import TICKS, examine
from tests.foreign.abilities import calls_legally, goes_in_batches, takes_an_adapter
from tests.foreign.checkpoints import FAMILIES, make

HEAD = """# Families of models as planners

`--planner hf:FOLDER_OR_NAME` takes any model of transformers that reads pictures or sounds beside words. What a
family's template shows is found out when it is loaded.

- *Calls* are written as the `template` writes them where it has its own forms of schemas, calls and results, else in
  `hermes` form between the template's own marks. Gemma 3 and 3n have no form of their own: their makers' templates know
  no tools. Known by their makers' templates and in `tests/foreign/test_forms.py` beside these: Gemma 4 whose results
  lose pictures, FunctionGemma's `<escape>`, Cohere's calls that are numbered over the conversation (Command R7B). Of
  Command A Plus no template was to be had here; what `form_of` cannot read off one stays in Hermes form.
- Marks around turns that have a token's form (`<|im_start|>`) may be plain text where their makers' are (Granite
  Vision's `<|user|>`), and so may those around calls; `agentmm doctor --planner NAME` says which are. What users and
  tools say can then look like a turn. A model is refused at load where the mark that ends its turns is plain text with
  no eos behind it (Aria's `<|im_end|>`: nobody would know that a turn is over), or where marks are plain text and the
  tokenizer does not know the token that the model ends with, as where its own tokens were lost.
- *Sessions* are measured on the model itself: cached logits against the library's uncached pass, float32, two pictures
  and two sounds where it has the sense for them.
- On the CPU, layers whose weights float16 holds exactly are packed in it, if the logits stay the library's own within
  1e-4 (`tests/foreign/test_packing.py` has each family so).
- *Constrained*: a random model held to the grammar writes a call that is read back without a fault.
- *LoRA*: an adapter loads on top (`?adapter=FOLDER`), shows in the logits and leaves sessions and batches exact.
- *Batch*: four episodes were written at once, each token for token as alone: `abreast` in one pass, or `in turns`
  where the cache slides, convolves, recurs or is not exact.
- *Half precision*: every family that goes abreast in float32 does so in bfloat16 and float16, together to the rounding
  of that precision: float32 computed with the same weights must be as exact as above, and in half precision nothing may
  differ by more than twice what the library's own pass differs from float32. Then a near tie may fall otherwise than
  alone; with `?batch=exact` each episode has passes of its own.
- A dash: the model has no such sense; such a medium is told in words (`audio_1: a clip of 3.2 s`).

This table is of tiny random checkpoints of the real classes, with templates that treat tools as the shipped ones do;
those of audioflamingo3, gemma3n, qwen2_5_omni_thinker and voxtral are our own, with these families' marks. The
processor of smolvlm needs num2words (`pip install num2words`); here nothing calls it. The tower of
gemma3n needs timm (`pip install timm`); here a convolution stands in its place. Its encoder of sounds hears a clip
otherwise beside a longer one, as the library pads them, so that its cache is not exact; with pictures alone it is. Made
by `scripts/families.py` with the tests' own checks; of your own model says `agentmm doctor --planner hf:FOLDER_OR_NAME`
the same.
"""


def main() -> None:
    """Print the page."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    ticks = [tick.replace("_", " ") for tick in TICKS]
    names = ["family", "loads", *ticks, "calls", "sessions", "largest difference", "constrained", "LoRA", "batch"]
    print(HEAD)
    print("| " + " | ".join(names) + " |")
    print("|" + " --- |" * len(names))
    with tempfile.TemporaryDirectory() as folder:
        for family in sorted(FAMILIES):
            print("| " + " | ".join([family, *_row(make(family, Path(folder) / family), Path(folder))]) + " |")


def _row(folder: Path, scratch: Path) -> list[str]:
    """What was found, as cells; a family that does not load says why."""
    try:
        found: dict[str, Any] = examine(f"hf:{folder}")
    except AgentmmError as error:
        return [f"no: {error}"] + [""] * (len(TICKS) + 6)
    chat = load_planner(f"hf:{folder}")
    ticks = ["–" if tick not in found["ticks"] else _said(found["ticks"][tick]) for tick in TICKS]
    difference = "" if found["difference"] is None else f"{found['difference']:.0e}"
    abilities = (calls_legally(chat), takes_an_adapter(chat, folder, scratch / f"{folder.name}_lora"))
    batch = goes_in_batches(chat)
    return ["yes", *ticks, found["calls"], found["sessions"], difference, *map(_said, abilities), batch]


def _said(shown: bool) -> str:
    return "yes" if shown else "no"


if __name__ == "__main__":
    main()
