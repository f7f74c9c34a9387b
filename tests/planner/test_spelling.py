"""Results in the question's spelling: what a small planner reads, and what its answer is given back as."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agentmm.model import train_tokenizer, wrap
from agentmm.planner.render import Renderer
from agentmm.planner.spelling import Spelling

SEEN = '{"count": 2, "lines": ["region_1 Quito 179", "region_2 DOVER 12 Count"]}'
TOOLS = ["read_text(image:Image)"]


@pytest.fixture(scope="module")
def tokenizer():
    return wrap(train_tokenizer([SEEN, "what value does quito have? count region dover Value"] * 9, vocab_size=400))


@pytest.fixture(scope="module")
def renderer(tokenizer):
    return Renderer(tokenizer, respells=True)


def asked(question, answer="[region_1] Quito", seen=SEEN):
    call = {"name": "read_text", "args": {"image": "image_1"}, "id": "c1"}
    return [
        HumanMessage(question),
        AIMessage("", tool_calls=[call]),
        ToolMessage(seen, tool_call_id="c1"),
        AIMessage(answer),
    ]


def shown(renderer, messages):
    return renderer.decode(renderer.render(messages, TOOLS).ids)


def test_a_result_and_the_answer_are_shown_in_the_lower_case_of_the_question(renderer):
    text = shown(renderer, asked("what value does quito have in region 1, and dover?"))
    assert '["region_1 quito 179", "region_2 dover 12 Count"]' in text
    assert text.endswith("[region_1] quito<|end|>")


def test_what_the_question_spells_as_printed_or_in_other_capitals_stays_as_it_is(renderer):
    for question in ("What value does Quito have?", "What of DOVER and Quito?", "QUITO?"):
        assert SEEN in shown(renderer, asked(question))


def test_keys_and_handles_stay_whatever_is_asked(renderer):
    text = shown(renderer, asked("Count Region Lines, or the count_2"))
    assert '{"count": 2, "lines": ["region_1 Quito 179", "region_2 DOVER 12 Count"]}' in text
    assert '"region_2 DOVER 12 count"' in shown(renderer, asked("count the lines of region 2"))


def test_only_the_last_question_tells_the_spelling(renderer):
    text = shown(renderer, [*asked("quito?"), *asked("Dover?")])
    assert text.count('"region_1 quito 179"') == 1
    assert text.count('"region_1 Quito 179"') == 1


def test_a_renderer_for_other_weights_changes_nothing(tokenizer):
    assert SEEN in shown(Renderer(tokenizer), asked("quito and dover"))
    assert Renderer(tokenizer).printed(asked("quito")[:3], "quito") == "quito"


def test_an_answer_is_given_back_as_the_result_printed_it(renderer):
    before = asked("is quito or dover the higher one?")[:3]
    assert renderer.printed(before, "[region_1] quito, not dover, of region_1") == (
        "[region_1] Quito, not DOVER, of region_1"
    )
    assert renderer.printed(before, "quitos higher") == "quitos higher"
    assert renderer.printed(before[:1], "quito") == "quito"


@pytest.mark.parametrize(
    ("question", "told", "shown", "answers"),
    [
        (
            "the total?",  # of two spellings the first one comes back
            "Total 3, TOTAL 4",
            "total 3, total 4",
            {"total": "Total", "total of 4": "Total of 4"},
        ),
        (
            "what does the exit sign say at the bottom?",  # a phrase comes back as it stands in the result
            '["EXIT", "Oak Hall", "Exit 51"]',
            '["exit", "Oak Hall", "exit 51"]',
            {
                "[region_3] exit 51": "[region_3] Exit 51",
                "[region_1] exit [region_3] exit 51": "[region_1] EXIT [region_3] Exit 51",
                "<think>exit</think>exit 51": "<think>EXIT</think>Exit 51",
                "exit Oak 51": "EXIT Oak 51",
            },
        ),
        ("is a in inv 20?", "A, Invoice, INV-20, INV_20, Is", "A, Invoice, inv-20, INV_20, is", {"a": "a"}),
    ],
)
def test_words_of_the_question_are_shown_in_its_case_and_given_back_as_printed(question, told, shown, answers):
    spelling = Spelling()
    spelling.ask(question)
    assert spelling.as_asked(told) == shown
    assert {text: spelling.as_printed(text) for text in answers} == answers


@given(st.text(alphabet="aAbB _-1.", max_size=30), st.text(alphabet="aAbB _-1.", max_size=30))
def test_only_case_changes_and_what_was_changed_comes_back(question, text):
    spelling = Spelling()
    spelling.ask(question)
    told = spelling.as_asked(text)
    assert told.lower() == text.lower()
    assert spelling.as_asked(told) == told
    assert spelling.as_printed(told).lower() == text.lower()


@given(st.lists(st.sampled_from(["quito", "Quito", "dover", "count"]), max_size=4), st.integers(1, 8))
def test_each_beginning_of_a_conversation_is_rendered_as_a_beginning(renderer, words, cut):
    messages = [*asked(" ".join(words) or "?"), *asked("dover?", "[region_2] DOVER")]
    whole, part = renderer.render(messages, TOOLS).ids, renderer.render(messages[:cut], TOOLS).ids
    assert whole[: len(part)] == part


def test_training_reads_what_is_served(renderer):
    gold = [
        {"role": "user", "content": "what value does quito have?"},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "read_text", "args": {"image": "image_1"}}]},
        {"role": "tool", "content": SEEN},
    ]
    served = asked("what value does quito have?")[:3]
    assert renderer.render(gold, TOOLS, generate=True).ids == renderer.render(served, TOOLS, generate=True).ids
    assert renderer.spelt("quito", [json.dumps({"a": "Quito"}), "Quito 1"]) == ['{"a": "quito"}', "quito 1"]
