"""Marks of turns that have a token's form and are plain text: their makers' own, as long as a token ends the turn."""

from __future__ import annotations

import json
import shutil

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agentmm.cli import run
from agentmm.errors import PlannerError
from agentmm.planner import load_planner
from agentmm.planner.render import Message

# as Granite Vision's: `<|user|>` and `<|assistant|>` are words to its tokenizer
TEMPLATE = """
{%- for message in messages %}
    {{- '<|' + message.role + '|>\n' }}
    {%- for part in message.content %}{{ '<image>\n' if part.type == 'image' else part.text }}{% endfor %}
    {{- ENDS if message.role == 'assistant' else '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}
"""


@pytest.fixture
def plain(checkpoint, tmp_path):
    """What ends an assistant's turn -> the name of a planner with such a template."""

    def of(ends):
        folder = shutil.copytree(checkpoint("llava_next"), tmp_path / "plain")
        (folder / "chat_template.jinja").write_text(TEMPLATE.replace("ENDS", repr(ends)), encoding="utf-8")
        return f"hf:{folder}"

    return of


def rendered(chat, *messages):
    """The conversation's ids, up to where the planner goes on."""
    return chat.telling.render(messages, [], {}, lambda sha: None, generate=True).ids


def test_plain_roles_load_with_exact_sessions_and_append(plain):
    chat = load_planner(plain("</s>"), max_tokens=6)
    assert chat.exactness.exact
    asked = HumanMessage("What is it?")
    said = chat.invoke([asked])
    before = [*rendered(chat, asked), *said.response_metadata["completion_ids"]]
    assert rendered(chat, asked, said, HumanMessage("And?"))[: len(before)] == before
    text = chat.processor.tokenizer.decode(rendered(chat, asked, AIMessage("red"), HumanMessage("And?")))
    assert text.endswith("<|user|>\nWhat is it?\n<|assistant|>\nred</s><|user|>\nAnd?\n<|assistant|>\n")


def test_doctor_says_which_are_plain_text(plain, checkpoint, capsys):
    assert run(["doctor", "--planner", plain("</s>")]) == 0
    line = "turns     <|user|>, <|assistant|> and <|system|> as plain text: users and tools can write them, too"
    assert capsys.readouterr().out.splitlines()[6] == line
    assert run(["doctor", "--json", "--planner", f"hf:{checkpoint('llava_next')}"]) == 0
    assert json.loads(capsys.readouterr().out)["plain_turns"] == []


def test_a_turn_that_ends_with_plain_text_alone_is_refused(plain):
    with pytest.raises(PlannerError) as raised:
        load_planner(plain("<|end|>\n"))
    assert str(raised.value) == (
        "the model's vocabulary lacks the marks of its chat template; got '<|end|> as 6 tokens'; expected one token, "
        "or an eos behind it: the model's turns end with it; try: the tokenizer that came with the weights: "
        "tokenizer.save_pretrained(FOLDER)"
    )


def test_plain_text_before_the_token_that_ends_a_turn_is_a_mark(plain):
    chat = load_planner(plain("<|end|></s>"), max_tokens=6)
    tokenizer = chat.processor.tokenizer
    wrote = [*tokenizer("red<|end|>", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    assert chat.read(wrote).said == "red"
    assert chat.read([*tokenizer("red", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]).said == "red"
    assert chat.telling.completion_ids(Message("assistant", [{"type": "text", "text": "red"}], [], None)) == wrote
    said = AIMessage("red", response_metadata={"completion_ids": wrote})
    for turn in (said, AIMessage("red")):
        text = tokenizer.decode(rendered(chat, HumanMessage("What?"), turn, HumanMessage("And?")))
        assert text.endswith("<|assistant|>\nred<|end|></s><|user|>\nAnd?\n<|assistant|>\n")


def test_a_mark_that_only_opens_turns_and_is_no_token_is_told(checkpoint, tmp_path, capsys):
    folder = shutil.copytree(checkpoint("qwen3_vl"), tmp_path / "other")
    file = folder / "tokenizer.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"<|im_start|>"', '"<|im_begin|>"'), encoding="utf-8")
    assert run(["doctor", "--json", "--planner", f"hf:{folder}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["plain_turns"], found["sessions"]) == (["<|im_start|>"], "exact")
