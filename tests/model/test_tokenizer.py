"""The tokenizer: special ids, single digits, cheap handles, losslessness, determinism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmm.model.tokenizer import SPECIALS, train_tokenizer

TEXTS = [
    '{"name": "detect", "arguments": {"image": "image_1", "what": "red circle"}}',
    '{"count": 12, "found": ["region_7 TOTAL 88,120"]}',
] * 20


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, vocab_size=400)


def pieces(tokenizer, text):
    return [tokenizer.decode([i], skip_special_tokens=False) for i in tokenizer.encode(text).ids]


def test_specials_come_first(tokenizer):
    assert [tokenizer.token_to_id(token) for token in SPECIALS] == list(range(14))
    assert tokenizer.get_vocab_size() == 400


def test_digits_stay_single_and_call_parts_are_whole(tokenizer):
    assert pieces(tokenizer, "image_12") == ["image_", "1", "2"]
    assert pieces(tokenizer, TEXTS[0])[:5] == ['{"name": "', "detect", '", "arguments": {"', "image", '": "']


def test_a_capital_word_has_the_same_ids_anywhere(tokenizer):
    alone, inside = tokenizer.encode("TOTAL").ids, tokenizer.encode("x TOTAL").ids
    assert inside[-len(alone) :] == alone


def test_equal_texts_give_an_equal_tokenizer(tokenizer):
    assert train_tokenizer(TEXTS, vocab_size=400).to_str() == tokenizer.to_str()


@given(st.text())
def test_any_text_survives(tokenizer, text):
    text = text.encode("utf-8", "replace").decode()
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text
