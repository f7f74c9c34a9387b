"""Rows with demonstrations: whole episodes before a whole episode, the tools' turn once."""

from __future__ import annotations

import numpy as np
import pytest

from agentmm.model.tokenizer import train_tokenizer
from agentmm.planner.render import Renderer
from agentmm.train.demonstrations import joined, made_up_rows, template_of
from agentmm.train.imagined_rows import SIGNATURES, imagined_rows
from agentmm.train.rows import without_thoughts
from agentmm.train.rowset import Row
from agentmm.world.asking import unknown_places
from agentmm.world.families import FAMILIES


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    texts = ["How many red circles are there?", *SIGNATURES * 20, '{"count": 2, "found": ["region_1 red circle"]}'] * 4
    return Renderer(train_tokenizer(texts, 600), image_tokens=0)


def text_of(renderer: Renderer, row: Row) -> str:
    return renderer.decode(list(row.ids))


def test_rows_are_joined_whole_with_the_tools_once(renderer: Renderer) -> None:
    end = renderer.token_id("<|end|>")
    head = renderer.render([], ["detect(image:Image)"]).ids
    rows = [Row([*head, 100 + i, end], [0] * len(head) + [1, 1], [i]) for i in range(6)]
    told = joined(rows, ["a"] * 6, np.random.default_rng(0), 1.0, end)
    assert len(told) == 6
    for index, row in enumerate(told):
        body = list(row.ids[len(head) :])
        assert list(row.ids[: len(head)]) == head
        assert body[-2:] == [100 + index, end]
        shown = [token - 100 for token in body[:-2] if token != end]
        assert index not in shown
        assert list(row.images) == [*shown, index]
        assert list(row.mask) == [0] * len(head) + [1] * len(body)
    assert {len(row.images) for row in told} >= {2, 3}
    assert joined(rows, ["a"] * 6, np.random.default_rng(0), 0.0, end) == rows


def test_demonstrations_are_mostly_of_the_family_and_never_of_other_tools(renderer: Renderer) -> None:
    end = renderer.token_id("<|end|>")
    heads = [renderer.render([], [name]).ids for name in ("detect(image:Image)", "read_text(image:Image)")]
    rows = [Row([*heads[i % 2], 100 + i, end], [0] * (len(heads[i % 2]) + 2), [i]) for i in range(200)]
    told = joined(rows, [str(i % 4) for i in range(200)], np.random.default_rng(1), 1.0, end)
    pairs = [(shown, index) for index, row in enumerate(told) for shown in list(row.images)[:-1]]
    assert all(shown % 2 == index % 2 for shown, index in pairs)
    alike = sum(shown % 4 == index % 4 for shown, index in pairs)
    assert 0.7 < alike / len(pairs) < 1.0


def test_made_up_words_are_the_same_in_demonstration_and_question(renderer: Renderer) -> None:
    rows = made_up_rows(renderer, 12, 3)
    assert len(rows) >= 8
    assert [list(row.ids) for row in rows] == [list(row.ids) for row in made_up_rows(renderer, 12, 3)]
    for row in rows:
        learnt = np.flatnonzero(row.mask)
        before = renderer.decode(list(row.ids[: learnt[0]]))
        assert before.count("<|user|>") in (2, 3)
        assert before.count("<|assistant|>") >= 2  # those of the demonstrations, and the one that opens what is learnt
        assert "<|user|>" not in renderer.decode(list(row.ids[learnt[0] :]))


def test_templates_hold_the_places_of_their_family_and_no_word() -> None:
    rng = np.random.default_rng(0)
    for name in ("count_shape", "which_more", "width", "price"):
        family = FAMILIES[name]
        texts = {template_of(family, rng) for _ in range(20)}
        assert len(texts) > 15
        assert not any(unknown_places(text, family.slots) for text in texts)


def test_without_thoughts_calls_and_answers_stay() -> None:
    call = {"name": "calculate", "args": {"expression": "4 > 5"}}
    told = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "4 and 5", "tool_calls": [call], "response_metadata": {"completion_ids": [1]}},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "<think>4 > 5</think>no", "tool_calls": []},
    ]
    plain = without_thoughts(told)
    assert [message["content"] for message in plain] == ["?", "", "{}", "no"]
    assert plain[1]["tool_calls"] == [call]
    assert "response_metadata" not in plain[1]


def test_some_imagined_rows_are_without_thoughts(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for share in (0.0, 1.0):
        monkeypatch.setattr("agentmm.train.imagined_rows.UNTHOUGHT", share)
        rows = imagined_rows(renderer, 120, 4)
        shares.append(sum("<think>" in text_of(renderer, row) for row in rows))
    assert shares[0] > 20
    assert shares[1] == 0
