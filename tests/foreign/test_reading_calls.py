"""Answers and thoughts are read as they were written; forms in which calls could not be found or end are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentmm.planner.foreign.arguments import read_at
from agentmm.planner.foreign.calls import HERMES, CallForm
from agentmm.planner.foreign.forms import form_of
from agentmm.planner.foreign.template import Template, marks_of
from tests.foreign.checkpoints import FAMILIES

COHERE = CallForm(
    '<call>{"name": "', '", "arguments": ', '}, {"name": "', "}</call>", thought=("<t>", "</t>"), answer=("<a>", "</a>")
)
CALL = COHERE.written([("zoom", {"a": 1})])


@pytest.mark.parametrize(
    ("form", "wrote", "said"),
    [
        (replace(HERMES, thought=("\n", " ")), "two cats\nand a dog", "two cats\nand a dog"),
        (COHERE, "between <t> and </t> it stands", "between <t> and </t> it stands"),
        (COHERE, "two cats", "two cats"),
        (COHERE, "two cats</a>", "two cats"),
        (COHERE, "<a>two cats</a>", "two cats"),
        (COHERE, "<a>two cats", "two cats"),
        (COHERE, "<t>I count.</t><a>two cats</a>", "two cats"),
        (COHERE, "<t>I count.</t>\n<a>two <t> cats</a>\n", "two <t> cats"),
        (COHERE, f"<t>I look.</t>{CALL}", "I look."),
        (COHERE, f"<t>I look.</t>Now.\n{CALL}", "I look. Now."),
        (COHERE, f"<a>I look.</a>{CALL}", "I look."),
        (COHERE, f"<t>I look{CALL}", "I look"),
        (replace(HERMES, thought=("", "</t>")), f"I look.</t>{HERMES.written([('zoom', {})])}", "I look."),
        (
            replace(HERMES, thought=("", "\n</think>\n\n")),
            "<think>Two.\n</think>\n\ntwo",
            "<think>Two.\n</think>\n\ntwo",
        ),
    ],
)
def test_what_was_said_loses_no_more_than_the_forms_marks(form: CallForm, wrote: str, said: str) -> None:
    read = form.read(wrote)
    assert (read.said, read.malformed) == (said, [])


def test_a_form_without_an_opening_reads_text() -> None:
    read = CallForm("", "(", ", ", "", "keywords").read("Just an answer.")
    assert (read.said, read.calls, read.malformed) == ("Just an answer.", [], [])


def template_with(call: str, *tokens: str) -> Template:
    """A template that writes a call's name and its argument so; `{}` stand for them."""
    processor: Any = FAMILIES["qwen2_5_vl"]()[1]
    processor.tokenizer.add_tokens(list(tokens), special_tokens=True)
    before, middle, after = (part.replace("\n", "\\n") for part in call.split("{}"))
    processor.chat_template = (
        "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' -}}"
        "{%- if message['content'] is string -%}{{- message['content'] -}}{%- endif -%}"
        "{%- for call in message['tool_calls'] or [] -%}{%- for name, value in call.function.arguments.items() -%}"
        f"{{{{- '{before}' + call.function.name + '{middle}' + name + '{after}'.replace('VALUE', value) -}}}}"
        "{%- endfor -%}{%- endfor -%}{{- '<|im_end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )
    return Template(processor)


@pytest.mark.parametrize(
    ("call", "tokens", "style"),
    [
        ('<call>{}({}="VALUE")</call>', (), "keywords"),
        ('{}({}="VALUE")', (), None),
        ("\n{}({}='VALUE')\n".replace("'", '"'), (), None),
        ("<call>{}{{}:<q>VALUE<q>}</call>", ("<q>",), "quoted"),
        ("<call>{}{{}:<q>VALUE<q>}</call>", (), None),
        ("<call>{}{{}:``VALUE``}</call>", (), None),
    ],
)
def test_calls_must_have_an_opening_and_quotes_of_one_token(call: str, tokens: Any, style: str | None) -> None:
    made = template_with(call, *tokens)
    form = form_of(made, marks_of(made))
    assert (form and form.style) == style


@pytest.mark.parametrize(
    ("written", "style"),
    [("(**{'a': 1})", "keywords"), ("(a={[]: 1})", "keywords"), ("(a={{}: 1})", "keywords"), ("(*a)", "keywords")],
)
def test_arguments_that_are_none_are_not_read(written: str, style: Any) -> None:
    assert read_at(written, 0, style) is None
