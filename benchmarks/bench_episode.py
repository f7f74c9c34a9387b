"""A 6-step episode over 3 pictures on another maker's model: our sessions against feeding everything again each step.

The model is a Qwen2.5-VL of transformers with random weights (sizes below), made here. It can only write printable
ASCII, one letter a token, so that a turn that is rendered again from its text has the same ids for everybody, and it
never ends a turn, so that everybody writes as much. Its weights are rounded to float16, as a checkpoint saved in it,
and loaded in float32 by everybody.

`again` is the library's own way: its model, its chat template, its processor, its `generate`, everything anew each
step; `again, packed` is that with the linear layers that our planner has packed in float16, so that what sessions gain
stands by itself. `smolagents` is `TransformersModel` of that package, where it is installed: version 1.26 hands
`input_ids` alone to `generate`, so it never meets the pictures, and its texts are not compared; `seeing` is the same
with all that its processor made handed on, which gives everybody's texts. Guesses of what repeats are left out of the
first row, as this random model repeats itself; the second has them.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from langchain_core.messages import HumanMessage
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from transformers.utils.logging import disable_progress_bar

from agentmm.media import MediaStore
from agentmm.nodes.running import numbered
from agentmm.planner import load_planner
from agentmm.planner.instructions import INSTRUCTIONS

STEPS, ROUNDS, WRITTEN, SIDE_PX = 6, 3, 24, 560
FIRST = "agentmm, sessions"
MARKS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TEMPLATE = """{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}{{- message['content'] -}}{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif 'text' in part -%}{{- part['text'] -}}{%- endif -%}{%- endfor -%}{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""
TEXT = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_key_value_heads": 4, "max_position_embeddings": 16384,
    "rope_parameters": {"rope_type": "default", "mrope_section": [8, 12, 12], "rope_theta": 10000.0},
}  # fmt: skip
VISION = {
    "depth": 8, "hidden_size": 384, "intermediate_size": 1024, "num_heads": 6, "patch_size": 14, "window_size": 112,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "fullatt_block_indexes": [3, 7], "out_hidden_size": 768,
}  # fmt: skip
PIXELS = {"patch_size": 14, "merge_size": 2, "size": {"shortest_edge": 56 * 56, "longest_edge": 1024 * 1024}}


def checkpoint(folder: Path) -> int:
    """Write the model and its processor to a folder; returns how many parameters it has."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(letters)}, merges=[]))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_tokens(list(MARKS), special_tokens=True)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for name, mark in (
        ("image_token_id", "image_pad"), ("video_token_id", "video_pad"), ("vision_start_token_id", "vision_start"),
        ("vision_end_token_id", "vision_end"), ("eos_token_id", "im_end"), ("pad_token_id", "endoftext"),
    )}  # fmt: skip
    ends = {name: ids.pop(name) for name in ("eos_token_id", "pad_token_id")}
    text = TEXT | ends | {"vocab_size": len(tokenizer), "tie_word_embeddings": False}
    torch.manual_seed(0)
    config = AutoConfig.for_model("qwen2_5_vl", text_config=text, vision_config=VISION, **ids)
    model = AutoModelForImageTextToText.from_config(config).eval()
    printable = [index for index, letter in enumerate(letters) if letter.isascii() and letter.isalnum()]
    silent = sorted(set(range(len(tokenizer))) - set(printable))
    with torch.no_grad():
        model.lm_head.weight[silent] = 0
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    model.generation_config.update(**ends, do_sample=False)
    model.save_pretrained(folder)
    pictures, films = Qwen2VLImageProcessor(**PIXELS), Qwen2VLVideoProcessor(**PIXELS)
    Qwen2_5_VLProcessor(pictures, tokenizer, films, chat_template=TEMPLATE).save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def asked(pictures: list[Image.Image]) -> list[list[Any]]:
    """What the planner is told before each of its steps: text and, in three of them, a picture."""
    seen = '{"count": 4, "found": ["region_1 red circle large 30,20", "region_2 red star small 90,140"]}'
    told: list[list[Any]] = [[pictures[0], "How many red shapes are in all three pictures together?"]]
    for step in range(1, STEPS):
        told.append([f"{seen} {step}", *([pictures[step // 2]] if step in (2, 4) else [])])
    return told


def ours(planner: Any, told: list[list[Any]], store: MediaStore) -> list[str]:
    """The episode in our planner."""
    messages: list[Any] = []
    records: dict[str, Any] = {}
    said = []
    for parts in told:
        blocks: list[Any] = []
        for part in parts:
            if isinstance(part, str):
                blocks.append({"type": "text", "text": part})
                continue
            new = numbered([part], store, records)
            records |= new
            blocks += [{"type": "image", "file_id": handle} for handle in new]
        messages.append(HumanMessage(blocks))
        answer = planner.invoke(messages, media=records)
        said.append(answer.text)
        messages.append(answer)
    return said


def messages_of(told: list[list[Any]], said: list[str]) -> list[dict[str, Any]]:
    """The conversation so far as the library takes it; pictures are named as our planner names them."""
    messages, number = [{"role": "system", "content": [{"type": "text", "text": INSTRUCTIONS}]}], 0
    for index, parts in enumerate(told[: len(said) + 1]):
        content: list[Any] = []
        for place, part in enumerate(parts):
            space = "\n" if place else ""
            if isinstance(part, str):
                content.append({"type": "text", "text": space + part})
            else:
                number += 1
                content += [{"type": "text", "text": f"{space}image_{number}: "}, {"type": "image", "image": part}]
        messages.append({"role": "user", "content": content})
        if index < len(said):
            messages.append({"role": "assistant", "content": [{"type": "text", "text": said[index]}]})
    return messages


def again(model: Any, processor: Any, told: list[list[Any]]) -> list[str]:
    """The episode in transformers: everything is fed at each step."""
    said: list[str] = []
    for _ in told:
        given = processor.apply_chat_template(
            messages_of(told, said), add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            ids = model.generate(**given, max_new_tokens=WRITTEN, do_sample=False)
        said.append(processor.decode(ids[0, given["input_ids"].shape[1] :], skip_special_tokens=True))
    return said


def smol(model: Any, told: list[list[Any]]) -> list[str]:
    """The episode in smolagents' model."""
    said: list[str] = []
    for _ in told:
        said.append(model.generate(messages_of(told, said)).content)
    return said


def seeing(model: Any) -> Any:
    """The model of smolagents, its `generate` given everything that its processor made and not the ids alone."""
    template, generate = model.processor.apply_chat_template, model.model.generate
    made: dict[str, Any] = {}

    def remembered(*given: Any, **options: Any) -> Any:
        features = template(*given, **options)
        made.clear()
        made.update(features)
        return features

    def whole(inputs: torch.Tensor, **options: Any) -> Any:
        return generate(**made | {"input_ids": inputs}, **options)

    model.processor.apply_chat_template, model.model.generate = remembered, whole
    return model


def main() -> None:
    """Take turns; print medians and ratios."""
    torch.set_num_threads(2)
    disable_progress_bar()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["AGENTMM_HOME"] = scratch
        folder, store = Path(scratch) / "model", MediaStore(Path(scratch) / "media")
        size = checkpoint(folder)
        planner = load_planner(f"hf:{folder}", max_tokens=WRITTEN, constrained=False, ahead=False)
        guessing = load_planner(f"hf:{folder}", max_tokens=WRITTEN, constrained=False)
        library = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
        processor = planner.processor
        ways: dict[str, Callable[[list[list[Any]]], list[str]]] = {
            FIRST: lambda told: ours(planner, told, store),
            "agentmm, with guesses": lambda told: ours(guessing, told, store),
            "transformers, again": lambda told: again(library, processor, told),
            "transformers, again, packed": lambda told: again(planner.model, processor, told),
        }
        compared = list(ways)
        try:
            from smolagents import TransformersModel

            given = {"device_map": "cpu", "max_new_tokens": WRITTEN, "do_sample": False}
            blind, eyed = (TransformersModel(str(folder), **given) for _ in range(2))
            seeing(eyed)
            theirs = f"smolagents {metadata.version('smolagents')}"
            ways |= {f"{theirs}, blind": lambda t: smol(blind, t), f"{theirs}, seeing": lambda t: smol(eyed, t)}
            compared.append(f"{theirs}, seeing")
        except ImportError:
            sys.stdout.write("smolagents is not installed here: pip install 'smolagents[transformers]'\n")
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):
            pictures = [Image.fromarray(rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)) for _ in range(3)]
            told, said = asked(pictures), {}
            for name, way in ways.items():
                started = time.perf_counter()
                said[name] = way(told)
                times[name].append(time.perf_counter() - started)
            first = said[FIRST]
            assert all(said[name] == first for name in compared), said
        assert all(len(text) == WRITTEN for text in first)
    sys.stdout.write(
        f"{size / 1e6:.0f} M parameters, {STEPS} steps, 3 pictures of {SIDE_PX} px, {WRITTEN} tokens a step\n"
    )
    middle = {name: statistics.median(found[1:]) for name, found in times.items()}
    fast = middle[FIRST]
    for name, seconds in middle.items():
        sys.stdout.write(f"{name:27} {seconds:6.2f} s   {seconds / fast:.2f} x\n")


if __name__ == "__main__":
    main()
