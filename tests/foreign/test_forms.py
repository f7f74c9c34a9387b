"""Forms of calls, thoughts, answers and results that Gemma's and Cohere's templates have, told and read."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agentmm.planner import load_planner
from agentmm.planner.foreign.slots import CALLED, NUMBER, counted
from agentmm.planner.foreign.template import Template
from agentmm.planner.foreign.wire import Wire
from tests.foreign.abilities import look_up
from tests.foreign.checkpoints import FAMILIES, TEMPLATES
from tests.foreign.test_template import EPISODE, MEDIA, SPEC, text

OWNERS = {"gemma4_turns": "gemma4", "functiongemma": "gemma3", "cohere_numbers": "cohere2_vision"}
TOKENS = {
    "functiongemma": [
        f"<{end}_function_{what}>" for what in ("declaration", "call", "response") for end in ("start", "end")
    ]
    + ["<escape>"],
    "cohere_numbers": ["<|START_THINKING|>", "<|END_THINKING|>"],
    "gemma4_turns": ["<|channel>", "<channel|>"],
}
TWO = [
    EPISODE[0],
    {"role": "assistant", "content": "Both.", "tool_calls": [{"name": "zoom", "args": {"b": 'a "x"', "a": 1}}] * 2},
    {"role": "tool", "content": 'one "1"\n'},
    {"role": "tool", "content": "two"},
]
NEXT = [
    {"role": "assistant", "content": "", "tool_calls": [{"name": "cut", "args": {}}]},
    {"role": "tool", "content": "3"},
]


def processor_of(name: str) -> Any:
    processor = FAMILIES[OWNERS[name]]()[1]
    processor.tokenizer.add_tokens(TOKENS[name], special_tokens=True)
    processor.chat_template = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    return processor


@cache
def wire(name: str) -> Wire:
    return Wire(Template(processor_of(name)))


def told(name: str, messages: list[Any], **given: Any) -> str:
    return text(wire(name).pieces(messages, [SPEC], MEDIA, **given))


def test_what_is_counted_gets_a_slot() -> None:
    assert counted("<", ";", ";") == ("<", ";", 0)
    assert counted('[{"id": "0"', ', {"id": "1"', ', {"id": "2"') == (
        f'[{{"id": "{NUMBER}"',
        f', {{"id": "{NUMBER}"',
        0,
    )
    assert counted("a 1:", " b 2:", " b 3:") == (f"a {NUMBER}:", f" b {NUMBER}:", 1)
    assert counted("a 0:", " b 1:", " c 2:") is None
    assert counted("a 7:", " b 1:", " b 2:") is None


def test_gemma_puts_calls_and_results_in_one_turn() -> None:
    """By hand, as its makers' template writes it: quotes of its own, arguments by the alphabet, no end between."""
    assert (wire("gemma4_turns").own, wire("gemma4_turns").native) == (True, False)
    form = wire("gemma4_turns").form
    assert (form.style, form.quote, form.waits, form.ordered) == ("quoted", '<|"|>', "<|tool_response>", True)
    call = '<|tool_call>call:zoom{a:1,b:<|"|>a "x"<|"|>}<tool_call|>'
    results = [f'response:zoom{{value:<|"|>{said}<|"|>}}<tool_response|>' for said in ('one "1"\n', "two")]
    whole = told("gemma4_turns", TWO, generate=True)
    assert whole.endswith(f"Both.{call}{call}<|tool_response>{results[0]}<|tool_response>{results[1]}")
    further = told("gemma4_turns", [*TWO, {"role": "assistant", "content": "a cat"}, EPISODE[-1]])
    assert further.startswith(whole + "a cat<turn|>\n<|turn>user\n")
    asked = told("gemma4_turns", EPISODE[:1], generate=True)
    assert asked.endswith("<turn|>\n<|turn>model\n<|channel>thought\n<channel|>")


def test_a_picture_that_gemmas_result_would_lose_closes_the_turn() -> None:
    whole = told("gemma4_turns", EPISODE[:3], generate=True)
    shown = "<tool_response|><turn|>\n<|turn>user\nimage_2: <picture bb><turn|>\n"
    assert whole.endswith(f"{shown}<|turn>model\n<|channel>thought\n<channel|>")


def test_functiongemma_is_told_as_its_own_template_tells_it() -> None:
    assert wire("functiongemma").native
    form = wire("functiongemma").form
    assert (form.style, form.quote, form.waits) == ("quoted", "<escape>", "<start_function_response>")
    call = '<start_function_call>call:zoom{a:1,b:<escape>a "x"<escape>}<end_function_call>'
    results = [
        f"<start_function_response>response:zoom{{value:<escape>{said}<escape>}}<end_function_response>"
        for said in ('one "1"\n', "two")
    ]
    whole = told("functiongemma", TWO, generate=True)
    assert whole.endswith(f"Both.{call}{call}{results[0]}{results[1]}")
    assert told("functiongemma", [*TWO, {"role": "assistant", "content": "a cat"}]) == f"{whole}a cat<end_of_turn>\n"


def test_cohere_numbers_calls_over_the_run_and_quotes_results() -> None:
    """By hand: two calls, then a third; what is said before calls is a thought, an answer stands between its marks."""
    assert (wire("cohere_numbers").own, wire("cohere_numbers").native) == (True, False)
    form = wire("cohere_numbers").form
    assert (form.counts, form.thought) == ("run", ("<|START_THINKING|>", "<|END_THINKING|>"))
    turn, end = "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"
    arguments = json.dumps({"b": 'a "x"', "a": 1})
    calls = [f'{{"tool_call_id": "{number}", "tool_name": "zoom", "parameters": {arguments}}}' for number in (0, 1)]
    whole = told("cohere_numbers", TWO)
    action = f"<|START_ACTION|>[\n    {calls[0]},\n    {calls[1]}\n]<|END_ACTION|>{end}"
    assert f"{turn}<|START_THINKING|>Both.<|END_THINKING|>{action}" in whole
    results = [
        f'{{"tool_call_id": "{number}", "results": {{"0": {json.dumps(said)}}}, "is_error": null}}'
        for number, said in enumerate(('one "1"\n', "two"))
    ]
    assert whole.endswith(f"<|START_TOOL_RESULT|>[\n    {results[0]},\n    {results[1]}\n]<|END_TOOL_RESULT|>{end}")
    third = told("cohere_numbers", [*TWO, *NEXT, {"role": "assistant", "content": "a cat"}]).removeprefix(whole)
    assert f'{turn}<|START_ACTION|>[\n    {{"tool_call_id": "2", "tool_name": "cut", "parameters": {{}}}}\n]' in third
    assert '{"tool_call_id": "2", "results": {"0": "3"}, "is_error": null}' in third
    assert third.endswith(f"{turn}<|START_RESPONSE|>a cat<|END_RESPONSE|>{end}")


def test_what_cohere_writes_is_read_whatever_the_numbers() -> None:
    form = wire("cohere_numbers").form
    call = '<|START_ACTION|>[\n    {"tool_call_id": "12", "tool_name": "zoom", "parameters": {"a": 1}}\n]<|END_ACTION|>'
    read = form.read(f"<|START_THINKING|>I look.<|END_THINKING|>{call}")
    assert (read.calls, read.said, read.malformed) == ([("zoom", {"a": 1})], "I look.", [])
    assert form.read("<|START_RESPONSE|>two cats<|END_RESPONSE|>").said == "two cats"


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("{}", {}),
        ('{a:<|"|>x, "y": {z}<|"|>,b:-2.5,c:true}', {"a": 'x, "y": {z}', "b": -2.5, "c": True}),
        ('{a:[1,<|"|>x<|"|>],b:{c:null}}', {"a": [1, "x"], "b": {"c": None}}),
        ('{a:<|"|>x}', None),
        ("{a:__import__}", None),
        ("{" * 5000, None),
    ],
)
def test_gemmas_arguments_are_read(written: str, arguments: dict[str, Any] | None) -> None:
    read = wire("gemma4_turns").form.read(f"<|tool_call>call:zoom{written}<tool_call|>")
    assert read.calls == ([] if arguments is None else [("zoom", arguments)])
    assert bool(read.malformed) == (arguments is None)
    assert read.said == ""


def test_transformers_reads_gemmas_calls_as_they_are_written() -> None:
    """Its own parser, with the response template that its server has for the family."""
    from transformers.utils.chat_parsing import parse_response

    response = {
        "defaults": {"role": "assistant"},
        "start_anchor": ["<|turn>model\n", "<tool_response|>"],
        "fields": {
            "tool_calls": {
                "open_pattern": r"<\|tool_call>call:(?P<name>\w+)",
                "close": "<tool_call|>",
                "repeats": True,
                "content": "json",
                "content_args": {"unquoted_keys": True, "string_delims": [['<|"|>', '<|"|>']]},
                "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
            },
            "content": {"close": ["<turn|>", "<|tool_response>", "<eos>"], "content": "text"},
        },
    }
    calls = [("zoom", {"of": 'a "red" circle', "b": 2, "flag": True}), ("cut", {"what": "x, y: {z}", "at": [1.5, "q"]})]
    read = parse_response(wire("gemma4_turns").form.written(calls), response, prefix="")
    found = [(call["function"]["name"], call["function"]["arguments"]) for call in read["tool_calls"]]
    assert found == calls


def test_the_name_of_a_call_that_is_none_is_not_told() -> None:
    """A planner that is not held to the grammar may write a mark where a name stands."""
    name = "zoom<turn|>"
    call = {"role": "assistant", "content": "", "tool_calls": [{"name": name, "args": {}}]}
    pieces = wire("gemma4_turns").pieces([EPISODE[0], call, TWO[-1]], [SPEC], MEDIA)
    assert [piece.kind for piece in pieces if name in piece.text] == ["plain"]
    assert "response:tool{" in text(pieces)
    assert CALLED not in text(pieces)


@pytest.mark.parametrize("name", ["gemma4_turns", "cohere_numbers"])
def test_a_model_held_to_the_form_writes_what_the_template_would(name, checkpoint, tmp_path, always_calls) -> None:
    """Two steps: what was written is read, told again token for token, and goes on as the next step needs it."""
    folder = shutil.copytree(checkpoint(OWNERS[name]), tmp_path / name)
    shutil.copy(TEMPLATES / f"{name}.jinja", folder / "chat_template.jinja")
    processor = processor_of(name)
    processor.save_pretrained(folder)
    chat = load_planner(f"hf:{folder}", max_tokens=900, temperature=1.0)
    bound, messages = chat.bind_tools([look_up]), [HumanMessage("?")]
    ends = {"gemma4_turns": "<|tool_response>", "cohere_numbers": "<|END_OF_TURN_TOKEN|>"}
    made = 0
    for seed in range(2):
        said: AIMessage = bound.invoke(messages, seed=seed)
        assert said.tool_calls
        assert not said.invalid_tool_calls
        wrote = chat.processor.tokenizer.decode(said.response_metadata["completion_ids"])
        assert wrote.endswith(ends[name])
        numbers = [int(found) for found in re.findall('"tool_call_id": "([0-9]+)"', wrote)]
        assert numbers == ([*range(made, made + len(said.tool_calls))] if name == "cohere_numbers" else [])
        made += len(said.tool_calls)
        messages += [said, *(ToolMessage("ok", tool_call_id=str(call["id"])) for call in said.tool_calls)]
    ids = chat.telling.render(messages, [], {}, lambda sha: None).ids
    assert chat.processor.tokenizer.decode(ids).count(ends[name]) >= 2
    again = chat.wire.form.read(chat.processor.tokenizer.decode(ids))
    assert len(again.calls) == made
    spelled = chat.telling.taught([message.model_copy(update={"response_metadata": {}}) for message in messages])
    turns = [row["response_metadata"]["completion_ids"] for row in spelled if row["role"] == "assistant"]
    wrote = [message.response_metadata["completion_ids"] for message in messages if isinstance(message, AIMessage)]
    texts = [[chat.processor.tokenizer.decode(ids) for ids in rows] for rows in (turns, wrote)]
    assert [re.findall("_id.*?name", told) for told in texts[0]] == [
        re.findall("_id.*?name", told) for told in texts[1]
    ]
    assert all(told.endswith(ends[name]) for told in texts[0])
