"""Replies of other forms than a server should give: a call costs a retry or is read, what is no reply is one line."""

import json

import pytest

from agentmm.planner import load_planner
from agentmm.planner.remote.calls import read_calls
from agentmm.proof import replay
from tests.remote.conftest import KEY, bytes_under
from tests.remote.server import Raw, Refuse, Say
from tests.remote.test_failures import told

GOOD = '{"expression": "6 * 7"}'


def call(name="calculate", arguments=GOOD, **more):
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


MALFORMED = {
    "no JSON": ([call(arguments='{"expression": 6 *')], 'the arguments of calculate are no JSON: {"expression": 6 *'),
    "a list": ([call(arguments="[1,2]")], "the arguments of calculate are no JSON object: [1,2]"),
    "a number": ([call(arguments=7)], "the arguments of calculate are no JSON object: 7"),
    "no constant": ([call(arguments='{"expression": NaN}')], "the arguments of calculate are no JSON: "),
    "no function": ([{"id": "c1", "type": "function"}], "a call without a function, but null"),
    "a text as function": ([{"id": "c1", "function": "calculate"}], "a call without a function, but calculate"),
    "no name": ([{"id": "c1", "function": {"arguments": GOOD}}], "a call without the name of a tool: {"),
    "a null name": ([call(name=None)], 'a call without the name of a tool: {"name": null'),
    "a text": ("calculate", "a call is no object: calculate"),
    "texts": (["calculate"], "a call is no object: calculate"),
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", MALFORMED)
def test_a_malformed_call_of_any_form_costs_one_retry(server, make, form, streaming):
    given, why = MALFORMED[form]
    server.script = [Say(tool_calls=given), Say("42")]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What is 6 * 7?")
    assert (answer.text, answer.status, len(answer.steps)) == ("42", "answered", 1)
    assert answer.steps[0]["error"].startswith(f"a malformed call: {why}")
    assert "\n" not in answer.steps[0]["error"]
    sent = server.seen[1]["messages"][-2]["tool_calls"][0]["function"]
    assert list(json.loads(sent["arguments"])) == ["malformed"]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("given", [{"expression": "6 * 7"}, GOOD])
def test_arguments_may_be_an_object(server, make, given, streaming):
    server.script = [Say(tool_calls=[call(arguments=given, index=0)]), Say("42")]
    answer = make(load_planner(server.name, streaming=streaming)).ask("What is 6 * 7?")
    assert [(step["arguments"], step["error"]) for step in answer.steps] == [({"expression": "6 * 7"}, None)]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_line_that_is_cut_within_a_key_holds_nothing_of_it(server, make, home, streaming):
    server.script = [
        Say(tool_calls=[call(arguments=f"{'x' * 110}{KEY}")]),
        Say(f"<tool_call>{'x' * 110}{KEY}"),
        Say("42"),
    ]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What?")
    assert (answer.text, len(answer.steps)) == ("42", 2)
    assert [step.plan.ids for step in agent.traces.get(answer.trace_id).steps] == ["none", "none", "completion"]
    agent.close()
    assert KEY[:9].encode() not in bytes_under(home)


def test_pieces_of_a_stream_are_joined():
    pieces = [
        {"index": 0, "id": "a", "function": {"name": "add", "arguments": ""}},
        {"index": 1, "id": "b", "function": {"name": "negate", "arguments": '{"x"'}},
        {"index": 0, "function": {"name": None, "arguments": '{"x": 1'}},
        {"index": 1, "id": None, "function": {"arguments": ": 2}"}},
        {"index": 0, "function": {"arguments": "}"}},
    ]
    calls, wrong = read_calls(pieces)
    assert [(one["name"], one["args"], one["id"]) for one in calls] == [
        ("add", {"x": 1}, "a"),
        ("negate", {"x": 2}, "b"),
    ]
    assert wrong == []


@pytest.mark.parametrize("index", [{"index": 0}, {}])
def test_whole_calls_of_one_index_or_none_are_several(index):
    pieces = [{**index, "id": key, "function": {"name": key, "arguments": "{}"}} for key in ("a", "b")]
    assert [one["name"] for one in read_calls(pieces)[0]] == ["a", "b"]


def test_no_arguments_are_none():
    pieces = [{"function": {"name": "look", "arguments": given}} for given in (None, "", "null", "{}")]
    assert [one["args"] for one in read_calls(pieces)[0]] == [{}] * 4


TEXT = '<tool_call>\n{"name": "calculate", "arguments": {"expression": "6 * 7"}}\n</tool_call>'


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("text", "thought"),
    [
        (TEXT, ""),
        (f"I multiply. {TEXT}", "I multiply."),
        (f"<think>hm</think>\n{TEXT}", "hm"),
        (f"hm</think>{TEXT}", "hm"),
    ],
)
def test_calls_written_as_text_are_read(server, make, text, thought, streaming):
    server.script = [Say(text), Say("42")]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What is 6 * 7?")
    assert answer.text == "42"
    assert [(step["arguments"], step["error"]) for step in answer.steps] == [({"expression": "6 * 7"}, None)]
    assert agent.traces.get(answer.trace_id).steps[0].plan.text == thought
    assert server.seen[1]["messages"][-2]["tool_calls"][0]["function"]["name"] == "calculate"


@pytest.mark.parametrize("text", ['<tool_call>{"name": "calculate"}</tool_call>', '<tool_call>{"name": "calc'])
def test_malformed_calls_written_as_text_cost_one_retry(server, make, text):
    server.script = [Say(text), Say("42")]
    answer = make(server.name).ask("What is 6 * 7?")
    assert (answer.text, len(answer.steps)) == ("42", 1)
    assert answer.steps[0]["error"].startswith('a malformed call: not {"name": ..., "arguments": {...}} between')


def test_without_tools_no_text_is_a_call(server, make):
    server.script = [Say(TEXT)]
    assert make(server.name, tools=()).ask("How is a call written?").text == TEXT


@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_was_cut_off_is_partial_and_kept(server, make, streaming):
    server.script = [Say("The answer is of cour", finish="length")]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What?")
    assert (answer.status, answer.text) == ("partial", "The answer is of cour")
    assert answer.reason == "the planner's answer was cut off by its limit of tokens"
    trace = agent.traces.get(answer.trace_id)
    assert (trace.status, trace.answer) == ("partial", "The answer is of cour")
    assert replay(trace, agent.store).same


NOT_READ = "the server's reply cannot be read: "
BODIES = {
    "no choices": (
        Raw({"id": "x", "choices": []}),
        NOT_READ + 'a reply with choices was expected, but {"id": "x", "choices": []} (planner',
    ),
    "null choices": (Raw({"id": "x", "choices": None}), NOT_READ + "a reply with choices was expected, but {"),
    "choices no list": (Raw({"choices": "none"}), NOT_READ + "a reply with choices was expected, but {"),
    "no message": (Raw({"choices": [{"index": 0}]}), NOT_READ + "a message was expected, but {"),
    "a number": (Raw({"choices": [{"message": {"content": 5}}]}), NOT_READ + "a message was expected, but {"),
    "a list": (Raw([1, 2]), NOT_READ + "a JSON object was expected, but [1, 2]"),
    "HTML": (Raw(b"<html>hello</html>"), NOT_READ + "no JSON, but the text <html>hello</html> (planner"),
    "a page": (Raw(b"<html>hi</html>", "text/html"), NOT_READ + "a JSON object was expected, but the text <html>hi<"),
    "garbage": (Raw(b"\x00\xffnot json at all"), NOT_READ + "no JSON, but the text "),
    "nothing": (Raw(b""), NOT_READ + "no JSON, but nothing (planner"),
    "an error": (Raw({"error": {"message": "overloaded"}}), "the server failed: overloaded (planner"),
    "an error as text": (Raw({"error": "overloaded"}), "the server failed: overloaded (planner"),
}


@pytest.mark.parametrize("form", BODIES)
def test_a_reply_that_is_no_reply(server, make, home, form):
    raw, line = BODIES[form]
    server.script = [raw]
    agent = make(load_planner(server.name, max_retries=0))
    assert told(agent, agent.ask("What?"), home).startswith(line)


STREAMS = {
    "nothing": (b"", NOT_READ + "a stream of parts was expected, but nothing (planner"),
    "a number": (b"data: 5\n\n", NOT_READ + "a JSON object was expected, but 5 (planner"),
    "choices no list": (b'data: {"choices": "none"}\n\n', NOT_READ + "a reply with choices was expected, but {"),
    "an error": (b'data: {"error": {"message": "overloaded"}}\n\n', "the server failed: overloaded (planner"),
}


@pytest.mark.parametrize("form", STREAMS)
def test_a_stream_that_is_none(server, make, home, form):
    body, line = STREAMS[form]
    server.script = [Raw(body, "text/event-stream")]
    agent = make(load_planner(server.name, streaming=True, max_retries=0))
    assert told(agent, agent.ask("What?"), home).startswith(line)


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_what_comes_in_place_of_a_stream_is_told(server, make, home, kind):
    agent = make(load_planner(server.name, streaming=True, max_retries=0))
    server.script = [Raw({"error": {"message": "overloaded"}}, kind)]
    assert agent.ask("What?").reason.startswith("the server failed: overloaded (planner")
    server.script = [Raw(b"<html>hello</html>", kind)]
    line = told(agent, await agent.aask("What?"), home)
    assert line.startswith(NOT_READ + "a stream of parts was expected, but the text <html>hello</html> (planner")


async def test_a_stream_that_is_none_in_an_event_loop(server, make, home):
    server.script = [Raw(b"", "text/event-stream")]
    agent = make(load_planner(server.name, streaming=True, max_retries=0))
    assert told(agent, await agent.aask("What?"), home).startswith(STREAMS["nothing"][1])


async def test_a_streamed_call_is_read_in_an_event_loop(server, make):
    server.script = [Say(tool_calls=[call(arguments={"expression": "6 * 7"}, index=0)]), Say("42")]
    answer = await make(load_planner(server.name, streaming=True)).aask("What is 6 * 7?")
    assert [step["error"] for step in answer.steps] == [None]


@pytest.mark.parametrize(("budget", "named"), [("max_steps", "max_steps=3"), ("max_errors", "max_errors=2")])
def test_a_spent_budget_tells_of_nothing_but_malformed_calls(server, make, budget, named):
    server.script = [Say(tool_calls=[call(arguments="[1,2]")])]
    answer = make(
        server.name, **({"max_steps": 3, "max_errors": 9} if budget == "max_steps" else {"max_errors": 2})
    ).ask("?")
    line = f"{named} is spent; the last call was malformed: the arguments of calculate are no JSON object: [1,2]"
    assert (answer.status, answer.reason) == ("partial", line)


def test_asking_too_often_names_the_variable_to_set_or_to_lower(server, make, home, monkeypatch):
    server.script = [Refuse(429, "slow down")]
    agent = make(load_planner(server.name, max_retries=0))
    assert told(agent, agent.ask("What?"), home).endswith("; try: set AGENTMM_SERVER_REQUESTS_PER_MINUTE")
    monkeypatch.setenv("AGENTMM_SERVER_REQUESTS_PER_MINUTE", "6000")
    agent = make(load_planner(server.name, max_retries=0))
    assert told(agent, agent.ask("What?"), home).endswith("; try: a lower AGENTMM_SERVER_REQUESTS_PER_MINUTE")


@pytest.mark.parametrize("streaming", [False, True])
def test_half_a_letter_is_replaced_and_the_trace_whole(server, make, streaming, capsys):
    server.script = [
        Say("h\ud800m", tool_calls=[call(arguments='{"expression": "6 * 7\\ud800"}', index=0)]),
        Say("", tool_calls=[call(arguments='{"expression": "6 * \ud800', index=0)]),
        Say("<tool_call>\ud800</tool_call>"),
        Say("a\ud800b"),
    ]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What is 6 * 7?")
    assert (answer.status, answer.text) == ("answered", "a?b")
    trace = agent.traces.get(answer.trace_id)
    assert [step.plan.text for step in trace.steps] == ["h?m", "", "", "a?b"]
    assert trace.steps[0].plan.calls[0].arguments == {"expression": "6 * 7?"}
    assert trace.answer == "a?b"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("say", "line"),
    [
        (Say(refusal="I will not, {authorization}"), "the model refuses to answer: I will not, Bearer *** ("),
        (Say(content=None, refusal="I\nwill not"), "the model refuses to answer: I will not ("),
        (Say(content=None, finish="content_filter"), "the server stopped the reply: content_filter ("),
        (Say(refusal=["odd"]), "the planner gave neither a call nor an answer"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(server, make, home, streaming, say, line):
    server.script = [say]
    agent = make(load_planner(server.name, streaming=streaming))
    assert told(agent, agent.ask("What?"), home).startswith(line)


def test_a_refusal_beside_words_is_an_answer(server, make):
    server.script = [Say("fine", refusal="not more", finish="content_filter")]
    assert make(server.name).ask("What?").text == "fine"


JUNK = {
    "texts": {"prompt_tokens": "3", "completion_tokens": "many", "total_tokens": "x"},
    "lists": {"prompt_tokens": [1], "completion_tokens": {"a": 1}, "total_tokens": None},
    "half": {"prompt_tokens": "3", "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": "x"}},
    "details": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "completion_tokens_details": [1]},
    "below 0": {"prompt_tokens": -5, "completion_tokens": -5, "total_tokens": -10},
    "a text": "lots",
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", JUNK)
def test_junk_among_what_is_counted_loses_no_answer(server, make, form, streaming):
    server.script = [Say("fine", usage=JUNK[form])]
    answer = make(load_planner(server.name, streaming=streaming)).ask("What?")
    assert (answer.text, answer.status) == ("fine", "answered")
