"""Folders of our own weights that are spoilt: one line, and never a tensor of random numbers in place of a lost one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from agentmm.errors import PlannerError
from agentmm.planner import load_planner

NORM = "decoder.model.norm.weight"


@pytest.fixture
def folder(planner: Any, tmp_path: Path) -> Path:
    """The tiny planner's weights and processor."""
    planner.model.save_pretrained(tmp_path)
    planner.processor.save_pretrained(tmp_path)
    return tmp_path


def without(path: Path, *, shape: tuple[int, ...] | None = None) -> None:
    """Take a tensor away, or put one of another shape in its place."""
    tensors = load_file(path)
    del tensors[NORM]
    put = {} if shape is None else {NORM: torch.ones(shape)}
    save_file(tensors | put, path, {"format": "pt"})


SPOILT = {
    "a tensor is missing": (
        lambda folder: without(folder / "model.safetensors"),
        f"the model's weights are incomplete: 1 tensor is missing, {NORM}",
    ),
    "a tensor has another shape": (
        lambda folder: without(folder / "model.safetensors", shape=(3,)),
        f"the model's weights are of another shape than its config.json says: {NORM} [3]",
    ),
    "weights are cut off": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"0" * 40),
        "the model's weights cannot be loaded: ",
    ),
    "the tokenizer is cut off": (
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        "the model's tokenizer or processor cannot be read: ",
    ),
    "the configuration names no size": (
        lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "agentmm", "components": 3})),
        "the model's configuration cannot be read: ",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_one_line_with_its_folder(folder: Path, name: str) -> None:
    spoil, line = SPOILT[name]
    assert load_planner(f"hf:{folder}").max_tokens > 0
    spoil(folder)
    with pytest.raises(PlannerError) as raised:
        load_planner(f"hf:{folder}")
    said = str(raised.value)
    assert said.startswith(line)
    assert f"got '{folder}'" in said
    assert "; try: " in said
    assert "\n" not in said
