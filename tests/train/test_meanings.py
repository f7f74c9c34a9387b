"""Rows about words: each can be answered from the lexicon, and only the answer is learnt."""

from __future__ import annotations

import json
import re

import pytest

from agentmm.model.tokenizer import train_tokenizer
from agentmm.planner.render import Renderer
from agentmm.train.meanings import meaning_rows
from agentmm.world.concepts import concepts
from agentmm.world.lexicon import lexicon

WIRE = re.compile(r"<\|user\|>(.*?)<\|end\|>(?:<\|tool\|>(.*?)<\|end\|>)?<\|assistant\|>(.*)<\|end\|>", re.DOTALL)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(train_tokenizer(["a plain word for height, as one says it: 12.50"] * 4, 400), image_tokens=0)


def test_values_are_looked_up_by_another_word_or_a_question(renderer: Renderer) -> None:
    looked_up = 0
    for row in meaning_rows(renderer, 300, 4):
        found = WIRE.fullmatch(renderer.decode(list(row.ids)))
        assert found is not None
        asked, seen, answer = found.groups()
        if seen is None:
            assert answer
            continue
        looked_up += 1
        shown = json.loads(seen)
        noted = re.fullmatch(r"<think>(.+) (\S+)</think>(\S+)", answer)
        assert noted is not None
        key, value, said = noted.groups()
        assert shown[key] == value == said
        senses = [sense for sense in lexicon() if key in sense.words]
        asks = [concept for concept in concepts() if concept.name == key]
        words = {word for sense in senses for word in (*sense.words, sense.gloss)} - {key}
        words |= {word for concept in asks for word in (*concept.called, *concept.asks)}
        assert any(word.lower() in asked.lower() for word in words)
    assert 70 < looked_up < 150  # two of four kinds about concepts, three of eleven about senses


def test_what_is_asked_is_not_learnt_and_the_same_arguments_give_the_same_rows(renderer: Renderer) -> None:
    rows = list(meaning_rows(renderer, 40, 7))
    assert rows == list(meaning_rows(renderer, 40, 7))
    assert rows != list(meaning_rows(renderer, 40, 8))
    start = renderer.token_id("<|assistant|>")
    for row in rows:
        begun = list(row.ids).index(start) + 1
        assert list(row.mask) == [0] * begun + [1] * (len(row.ids) - begun)
