"""Tools, prompts and pictures for tests of a local planner, and engines on its model."""

from __future__ import annotations

import threading

import numpy as np
import torch

from agentmm.model import MultimodalLM, MultimodalProcessor, SquareImageProcessor, load_preset, train_tokenizer, wrap
from agentmm.planner.chat import ChatMM
from agentmm.planner.local import LocalModel, Prompt
from agentmm.planner.sequence import Request
from agentmm.planner.session import Sessions
from agentmm.planner.writing import Sampling

WORDS = ("red", "circle", "what", "image", "many", "how")

SPECS = [
    {
        "name": "detect",
        "description": "find things",
        "signature": "detect(image:Image,what:Text)",
        "params": [
            {
                "name": "image",
                "modality": "Image",
                "accepts": ["Image"],
                "choices": [],
                "required": True,
                "whole": False,
            },
            {"name": "what", "modality": "Text", "accepts": [], "choices": [], "required": False, "whole": False},
        ],
    }
]


def tiny(**fields) -> ChatMM:
    """A planner with random weights and a tokenizer of at most 512 tokens; the same each time."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    texts = ['{"name": "detect", "arguments": {"image": "image_1", "what": "red circle"}}', "How many red circles?"] * 9
    tokenizer = wrap(train_tokenizer(texts, 512))
    model = MultimodalLM(load_preset("tiny", vocab_size=len(tokenizer))).eval()
    processor = MultimodalProcessor(SquareImageProcessor(model.config.image_size), tokenizer, model.config.image_tokens)
    return ChatMM(model=model, processor=processor, planner_name="tiny", **{"max_tokens": 24, **fields})


def engine(planner: ChatMM, sessions: Sessions | None, *, ahead: bool = True) -> LocalModel:
    local = planner.local
    return LocalModel(
        local.model,
        image_size=local.image_size,
        image_tokens=local.image_tokens,
        end_id=local.end_id,
        sessions=sessions,
        ahead=ahead,
    )


def prompt_of(planner: ChatMM, words: list[str], images: list[str]) -> Prompt:
    """Words with an image after each of the first ones; images are named by made-up hashes."""
    renderer = planner.renderer
    ids: list[int] = []
    places = []
    for index, word in enumerate(words):
        ids += renderer.encode(word)
        if index < len(images):
            places.append((len(ids), images[index]))
            ids += [renderer.token_id("<image>")] * planner.local.image_tokens
    return Prompt(ids, places)


def picture(sha: str) -> np.ndarray:
    return np.random.default_rng(sum(map(ord, sha))).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def requests_of(planner: ChatMM, count: int, temperature: float) -> list[Request]:
    """Prompts of several lengths and pictures, with limits and seeds of their own."""
    made = []
    for index in range(count):
        words = [WORDS[(index + step) % len(WORDS)] for step in range(2 + index % 4)]
        prompt = prompt_of(planner, words, ["a", f"picture {index % 5}"][: index % 3])
        made.append(Request(prompt, picture, sampling=Sampling(temperature, 4 + index % 9, seed=index)))
    return made


def all_of(batch, requests):
    """Completions of requests that are all there before the first is begun."""
    gate, begin = threading.Event(), batch.engine.begin_several

    def held(*given):
        gate.wait(30)
        return begin(*given)

    batch.engine.begin_several = held
    futures = [batch.submit(request) for request in requests]
    gate.set()
    done = [future.result(60) for future in futures]
    del batch.engine.begin_several
    return done
