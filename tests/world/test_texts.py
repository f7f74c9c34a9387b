"""Captions and lines."""

from __future__ import annotations

import json

import numpy as np

from agentmm.world.texts import caption_examples, text_lines


def test_caption_examples() -> None:
    examples = list(caption_examples("train", 12, 0))
    again = list(caption_examples("train", 12, 0))
    assert [caption for _, caption in examples] == [caption for _, caption in again]
    assert all(
        a.dtype == np.uint8 and a.ndim == 3 and (a == b).all() for (a, _), (b, _) in zip(examples, again, strict=True)
    )
    assert all(caption.strip() for _, caption in examples)
    assert [c for _, c in caption_examples("val", 12, 0)] != [c for _, c in examples]


def test_text_lines() -> None:
    lines = list(text_lines(60, 0))
    assert len(lines) == 60
    assert lines == list(text_lines(60, 0))
    calls = [json.loads(line.splitlines()[0]) for line in lines if line.startswith('{"name"')]
    assert calls
    assert all(set(call) == {"name", "arguments"} for call in calls)
    assert any(line.startswith('{"count"') for line in lines)
