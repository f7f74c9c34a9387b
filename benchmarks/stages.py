"""What a stage is worth to the eyes: python benchmarks/stages.py FOLDER... (weights before PT, after PT, after IT).

For each folder the caption loss, nats a token, on captions that no training has had, and the precision and recall of
what its own captions of scenes name: shapes, coloured shapes, and as many of these as there are.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable
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


HOW: dict[str, Callable[[Counter[tuple[str, str]]], Counter[Any]]] = {
    "shapes": lambda named: Counter({shape for _, shape in named}),
    "coloured shapes": lambda named: Counter(set(named)),
    "their counts": lambda named: named,
}
"""What counts as named."""


def measure(folder: str, n: int) -> dict[str, Any]:
    """Caption loss over `n` captions; of those of scenes, for each of `HOW`, precision and recall."""
    model: Any = MultimodalLM.from_pretrained(folder, dtype=torch.float32).eval()
    renderer = Renderer.from_pretrained(folder, model.config.image_tokens)
    loss, tokens = 0.0, 0
    hits = {how: [0, 0, 0] for how in HOW}
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
        for how, of in HOW.items():
            named, there = of(own), of(true)
            more = (named.total(), there.total(), (named & there).total())
            hits[how] = [before + now for before, now in zip(hits[how], more, strict=True)]
    found = {how: (both / max(1, named), both / max(1, there)) for how, (named, there, both) in hits.items()}
    return {"loss": loss / tokens, "found": found}


def main() -> None:
    """One line a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("-n", type=int, default=200, help="captions")
    options = parser.parse_args()
    print(f"python benchmarks/stages.py -n {options.n} {' '.join(options.folders)}")
    for folder in options.folders:
        found = measure(folder, options.n)
        told = ", ".join(f"{how} {100 * p:.1f} / {100 * r:.1f} %" for how, (p, r) in found["found"].items())
        print(f"{Path(folder).parent.name or folder:14} caption loss {found['loss']:.3f}; precision / recall: {told}")


if __name__ == "__main__":
    main()
