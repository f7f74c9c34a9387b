"""What a stage is worth to the eyes: python benchmarks/stages.py FOLDER... (weights before PT, after PT, after IT).

For each folder the caption loss, nats a token, on captions that no training has had, and the precision and recall of
the coloured shapes that its own captions of scenes name.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from agentmm.model import MultimodalLM
from agentmm.model.pixels import scale_pixels, square_pixels
from agentmm.planner.render import Renderer
from agentmm.train.captions import caption_examples
from agentmm.world.drawing import COLOURS, SHAPES
from agentmm.world.families.things import plural

SEED = 4_000_000
_RECORD = {"image_1": {"kind": "image", "sha": ""}}
_NOUNS = {form: shape for shape in SHAPES for form in (shape, plural(shape))}
_THING = re.compile(rf"(\d+) ({'|'.join(COLOURS)}) ({'|'.join(_NOUNS)})\b")


def things(caption: str) -> Counter[tuple[str, str]]:
    """Coloured shapes that a caption names, with their counts."""
    found: Counter[tuple[str, str]] = Counter()
    for count, colour, noun in _THING.findall(caption):
        found[colour, _NOUNS[noun]] += int(count)
    return found


def measure(folder: str, n: int) -> dict[str, Any]:
    """Caption loss over `n` captions, precision and recall over those of scenes."""
    model: Any = MultimodalLM.from_pretrained(folder, dtype=torch.float32).eval()
    renderer = Renderer.from_pretrained(folder, model.config.image_tokens)
    loss, tokens = 0.0, 0
    named, there, both = 0, 0, 0
    for pixels, question, caption in caption_examples(n, SEED):
        asked = [{"type": "image", "file_id": "image_1"}, {"type": "text", "text": question}]
        prompt = renderer.render([{"role": "user", "content": asked}], (), _RECORD, generate=True).ids
        wanted = [*renderer.encode(caption), renderer.token_id("<|end|>")]
        image = torch.from_numpy(scale_pixels(square_pixels(pixels, model.config.image_size)[None]))
        with torch.inference_mode():
            features = model.encode_images(image)
            logits = model(input_ids=torch.tensor([[*prompt, *wanted]]), image_features=features).logits[0]
            told = logits[len(prompt) - 1 : -1].float().log_softmax(-1)
            loss -= float(told.gather(1, torch.tensor(wanted)[:, None]).sum())
            tokens += len(wanted)
            if not things(caption):
                continue
            written = model.generate(
                input_ids=torch.tensor([prompt]), pixel_values=image, max_new_tokens=96, do_sample=False
            )[0, len(prompt) :]
        own, true = things(renderer.decode(written.tolist())), things(caption)
        named, there, both = named + own.total(), there + true.total(), both + (own & true).total()
    return {"loss": loss / tokens, "precision": both / max(1, named), "recall": both / max(1, there)}


def main() -> None:
    """One line a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("-n", type=int, default=200, help="captions")
    options = parser.parse_args()
    print(f"python benchmarks/stages.py -n {options.n} {' '.join(options.folders)}")
    for folder in options.folders:
        found = measure(folder, options.n)
        told = f"precision {100 * found['precision']:5.1f} %, recall {100 * found['recall']:5.1f} %"
        print(f"{Path(folder).parent.name or folder:20} caption loss {found['loss']:.3f}, coloured shapes: {told}")


if __name__ == "__main__":
    main()
