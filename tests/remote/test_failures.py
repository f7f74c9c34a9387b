"""Whatever a server does, a run ends with one line, its trace kept, and the key nowhere."""

import asyncio
import logging
import socket
import sys
import time

import pytest

from agentmm.errors import BadSetting, MissingExtra, PlannerError, UnknownPlanner, UsageError
from agentmm.planner import load_planner
from tests.remote.conftest import KEY, bytes_under
from tests.remote.server import Raw, Refuse, Say, Server

CALL = ("calculate", {"expression": "6 * 7"})


def told(agent, answer, home):
    """A failed run: its line, after what holds of every one was checked."""
    trace = agent.traces.get(answer.trace_id)
    assert (answer.status, trace.status) == ("failed", "failed")
    assert trace.error == answer.reason
    assert "\n" not in answer.reason
    agent.close()
    assert KEY.encode() not in bytes_under(home)
    assert KEY not in answer.reason + answer.text + repr(agent.planner) + str(agent.planner)
    return answer.reason


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def test_a_server_that_is_down(make, home, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "1")
    name = f"openai:tiny@http://127.0.0.1:{free_port()}/v1"
    agent = make(name)
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server cannot be reached, or broke off: ConnectError")
    assert line.endswith(f"(planner {name}); try: agentmm doctor --planner {name}")


def test_a_slow_server_is_left_when_the_runs_time_is_over(server, make):
    server.script = [Say("late", wait_s=60)]
    agent = make(server.name)
    started = time.perf_counter()
    answer = agent.ask("What?", timeout=0.4)
    assert time.perf_counter() - started < 60
    assert (answer.status, answer.reason) == ("partial", "timeout=0.4 s is over")


def test_a_run_that_is_over_sends_nothing_more(server, make):
    server.script = [Say("fine"), Refuse(500, "oh")]
    agent = make(server.name)
    assert agent.ask("One?").text == "fine"
    assert agent.ask("Two?", timeout=0.25).status == "partial"
    time.sleep(0.8)  # the client tries again after half a second
    assert len(server.seen) <= 2


async def test_an_async_run_leaves_a_slow_server_too(server, make):
    server.script = [Say("late", wait_s=60)]
    answer = await make(server.name).aask("What?", timeout=0.4)
    assert (answer.status, answer.reason) == ("partial", "timeout=0.4 s is over")


def test_a_server_that_is_silent_for_longer_than_it_may(server, make, home):
    server.script = [Say("late", wait_s=60)]
    agent = make(load_planner(server.name, timeout=0.3, max_retries=0))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith(f"the server was silent for 0.3 s (planner {server.name})")
    assert line.endswith("try: a longer AGENTMM_SERVER_TIMEOUT_S")


@pytest.mark.parametrize(
    "first", [Refuse(429, "slow down", {"retry-after": "0.2"}), Refuse(500, "oh"), Say("cut", cut=20)]
)
def test_what_passes_is_tried_again(server, make, first):
    server.script = [first, Say("fine")]
    started = time.perf_counter()
    assert make(server.name).ask("What?").text == "fine"
    assert time.perf_counter() - started > 0.2
    assert len(server.seen) == 2


def test_a_server_that_always_fails(server, make, home):
    server.script = [Refuse(503, "loading\nthe model \x1b[31m")]
    agent = make(load_planner(server.name, max_retries=0))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server failed, status 503: loading the model [31m (planner")


def test_a_pause_that_is_too_long_is_told_not_waited_for(server, make, home):
    server.script = [Refuse(429, "slow down", {"retry-after": "600"})]
    agent = make(server.name)
    line = told(agent, agent.ask("What?"), home)
    assert "the server is asked too often, status 429: slow down" in line
    assert "expected a pause of 600 s; try: set AGENTMM_SERVER_REQUESTS_PER_MINUTE" in line
    assert len(server.seen) == 1


def test_a_refused_key_is_not_quoted(server, make, home):
    server.script = [Refuse(401, "bad key: {authorization}", {"x-echo": "{authorization}"})]
    agent = make(server.name)
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server refuses the key, status 401: bad key: Bearer ***")
    assert "expected a valid key in the environment" in line
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_server_that_says_the_key_back_has_it_blotted_out(server, make, home, streaming, caplog):
    call = ("calculate", {"expression": "{authorization}"})
    server.script = [Say("I am {authorization}", [call]), Say("you are {authorization}")]
    caplog.set_level(logging.DEBUG, "agentmm")
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("Who am I?")
    trace = agent.traces.get(answer.trace_id)
    assert answer.text == "you are Bearer ***"
    assert trace.steps[0].plan.calls[0].arguments == {"expression": "Bearer ***"}
    assert [step.plan.ids for step in trace.steps] == ["none", "none"]  # ids would spell the key
    agent.close()
    assert KEY.encode() not in bytes_under(home)
    assert KEY not in caplog.text


def test_garbage_in_a_stream(server, make, home):
    server.script = [Say("fine", garbage="<<<not json {authorization}")]
    agent = make(load_planner(server.name, streaming=True))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server's reply cannot be read: no JSON, but the text <<<not json Bearer ***")


def test_an_error_in_a_stream(server, make, home):
    server.script = [Say("fine", garbage='{"error": {"message": "out of memory, {authorization}"}}')]
    agent = make(load_planner(server.name, streaming=True))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server failed: out of memory, Bearer ***")


def test_a_stream_that_ends_in_the_middle(server, make, home):
    server.script = [Say("fine", cut=1)]
    agent = make(load_planner(server.name, streaming=True))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith(f"the server's reply broke off in the middle (planner {server.name})")


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("chunked", [False, True])  # a connection that ends early, or a reply that lacks its last part
def test_a_stream_that_breaks_off_is_asked_for_once_more(server, make, asynchronous, chunked):
    server.chunked = chunked
    server.script = [Say("fine", cut=1), Say("fine")]
    agent = make(load_planner(server.name, streaming=True, max_retries=1))
    answer = asyncio.run(agent.aask("What?")) if asynchronous else agent.ask("What?")
    assert (answer.text, len(server.seen)) == ("fine", 2)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_without_a_part_is_asked_for_once_more(server, make, asynchronous):
    server.script = [Raw(b"", "text/event-stream"), Say("fine")]
    agent = make(load_planner(server.name, streaming=True))
    answer = asyncio.run(agent.aask("What?")) if asynchronous else agent.ask("What?")
    assert (answer.text, len(server.seen)) == ("fine", 2)


def test_a_stream_that_breaks_off_is_not_asked_for_again_without_retries(server, make, home):
    server.chunked = True
    server.script = [Say("fine", cut=1), Say("fine")]
    agent = make(load_planner(server.name, streaming=True, max_retries=0))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server's reply broke off in the middle: RemoteProtocolError: peer closed connection")
    assert len(server.seen) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_that_falls_silent_is_asked_for_once_more(server, make, asynchronous):
    server.script = [Say("fine", stall_s=60), Say("fine")]
    agent = make(load_planner(server.name, streaming=True, gap=0.5))
    started = time.perf_counter()
    answer = asyncio.run(agent.aask("What?")) if asynchronous else agent.ask("What?")
    assert (answer.text, len(server.seen)) == ("fine", 2)
    assert 0.5 < time.perf_counter() - started < 60


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_that_stays_silent_is_one_line_and_harms_no_other(server, make, home, asynchronous):
    server.script = [Say("fine", stall_s=60), Say("fine")]
    agent = make(load_planner(server.name, streaming=True, gap=0.5, max_retries=0))
    asked = ["One?", "Two?", "Three?"]
    answers = asyncio.run(agent.abatch(asked)) if asynchronous else agent.batch(asked)
    assert sorted(answer.status for answer in answers) == ["answered", "answered", "failed"]
    line = told(agent, next(answer for answer in answers if answer.status == "failed"), home)
    assert line == (
        f"the server fell silent for 0.5 s in the middle of its reply (planner {server.name}); "
        "try: a longer AGENTMM_SERVER_GAP_S"
    )


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("streaming", "silent"),
    [
        (False, Say("late", wait_s=60)),
        (True, Say("late", wait_s=60)),
        (True, Say("late", mute_s=60)),  # without a stream, headers come with what there is to say
        (False, Raw({"choices": []}, stall_s=60)),
        (True, Raw({"choices": []}, stall_s=60)),
    ],
)
def test_where_nothing_was_heard_all_tries_are_taken(server, make, silent, streaming, asynchronous):
    server.script = [silent, silent, Say("fine")]
    agent = make(load_planner(server.name, streaming=streaming, timeout=0.5, max_retries=2))
    answer = asyncio.run(agent.aask("What?")) if asynchronous else agent.ask("What?")
    assert (answer.text, len(server.seen)) == ("fine", 3)


def test_a_stream_that_stays_mute_is_told_like_any_silence(server, make, home):
    server.script = [Say("late", mute_s=60)]
    agent = make(load_planner(server.name, streaming=True, timeout=0.3, max_retries=1))
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith(f"the server was silent for 0.3 s (planner {server.name})")
    assert len(server.seen) == 2


def test_a_stream_that_is_slow_and_steady_is_not_cut(server, make, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_GAP_S", "1")
    server.script = [Say("fine", wait_s=1.2, stall_s=0.1)]  # the first part may take longer
    assert make(load_planner(server.name, streaming=True, max_retries=0)).ask("What?").text == "fine"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_that_may_be_silent_for_ages_is_read_like_any(server, make, asynchronous):
    server.script = [Say("fine", stall_s=0.1)]
    agent = make(load_planner(server.name, streaming=True, gap=1e300, max_retries=0))
    answer = asyncio.run(agent.aask("What?")) if asynchronous else agent.ask("What?")
    assert answer.text == "fine"


def test_a_malformed_call_costs_a_retry_and_goes_back_as_json(server, make):
    server.script = [Say("", [("calculate", '{"expression": 6 *')]), Say("42")]
    agent = make(server.name)
    answer = agent.ask("What is 6 * 7?")
    assert (answer.text, answer.steps[0]["error"][:16]) == ("42", "a malformed call")
    call = server.seen[1]["messages"][-2]["tool_calls"][0]["function"]
    assert call == {"name": "calculate", "arguments": '{"malformed": "{\\"expression\\": 6 *"}'}


def test_an_unknown_tool_costs_a_retry(server, make):
    server.script = [Say("", [("calculat", {})]), Say("42")]
    answer = make(server.name).ask("What is 6 * 7?")
    assert answer.text == "42"
    assert "calculat" in answer.steps[0]["error"]


@pytest.mark.parametrize("content", ["", None])
def test_empty_content(server, make, home, content):
    server.script = [Say(content=content)]
    agent = make(server.name)
    line = told(agent, agent.ask("What?"), home)
    assert line == "the planner gave neither a call nor an answer"


def test_a_server_that_leads_elsewhere_is_not_followed(server, make, home):
    with Server() as other:
        server.script = [Refuse(307, "over there", {"location": f"{other.url}/chat/completions"})]
        agent = make(server.name)
        line = told(agent, agent.ask("What?"), home)
        assert other.seen == []
    assert line.startswith("the server leads elsewhere, status 307")


def test_a_planner_may_be_asked_in_one_event_loop_after_another(server, make):
    agent = make(server.name)
    assert [asyncio.run(agent.aask("What?")).text for _ in range(3)] == ["fine"] * 3


def test_a_request_that_the_server_refuses_is_told_after_asking_for_less(server, make, home):
    server.script = [Refuse(400, "the prompt is odd")]
    agent = make(server.name)
    line = told(agent, agent.ask("What?"), home)
    assert line.startswith("the server refuses the request, status 400: the prompt is odd")
    assert len(server.seen) == 3


def test_requests_are_spread_over_the_minute(server, make):
    server.script = [Say("", [CALL]), Say("42")]
    started = time.perf_counter()
    assert make(load_planner(server.name, requests_per_minute=150)).ask("What is 6 * 7?").text == "42"
    assert time.perf_counter() - started > 0.35  # 60 s / 150, less the poll


def test_no_more_requests_at_once_than_allowed(server, make):
    server.script = [Say("fine", wait_s=0.1)]
    agent = make(load_planner(server.name, at_once=1))
    answers = agent.batch(["One?", "Two?", "Three?"], workers=3)
    assert [answer.text for answer in answers] == ["fine"] * 3
    assert server.most_at_once == 1


async def test_async_runs_keep_to_it_too(server, make):
    server.script = [Say("fine", wait_s=0.1)]
    agent = make(load_planner(server.name, at_once=1))
    answers = await asyncio.gather(*(agent.aask(question) for question in ("One?", "Two?", "Three?")))
    assert [answer.text for answer in answers] == ["fine"] * 3
    assert server.most_at_once == 1


def test_a_run_that_waits_for_its_turn_ends_in_time(server, make):
    agent = make(load_planner(server.name, requests_per_minute=1))
    assert agent.ask("One?").text == "fine"
    answer = agent.ask("Two?", timeout=0.3)
    assert (answer.status, answer.reason) == ("partial", "timeout=0.3 s is over")
    assert len(server.seen) == 1


def test_habits_come_from_the_environment(server, make, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_STREAM", "1")
    monkeypatch.setenv("AGENTMM_SERVER_MAX_TOKENS", "7")
    assert make(server.name).ask("What?").text == "fine"
    assert (server.seen[0]["stream"], server.seen[0]["max_tokens"]) == (True, 7)
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "many")
    with pytest.raises(BadSetting, match="AGENTMM_SERVER_RETRIES is malformed; got 'many'; expected a whole number, 0"):
        load_planner(server.name)
    with pytest.raises(BadSetting, match="timeout is malformed; got nan; expected a number above 0"):
        load_planner(server.name, timeout=float("nan"), max_retries=0)


def test_a_way_for_pictures_that_is_none_names_where_it_stands(server, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_MEDIA", "never")
    with pytest.raises(BadSetting) as found:
        load_planner(server.name)
    assert str(found.value) == (
        "AGENTMM_SERVER_MEDIA is malformed; got 'never'; expected auto | once | each; "
        "try: export AGENTMM_SERVER_MEDIA=once"
    )
    with pytest.raises(BadSetting, match="pictures cannot travel so; got 'never'"):
        load_planner(f"{server.name}?media=never")


def test_names_that_cannot_be():
    with pytest.raises(UnknownPlanner, match="address is malformed") as found:
        load_planner("openai:tiny@ftp://me:hunter22@host/v1")
    assert "hunter22" not in str(found.value)
    with pytest.raises(UnknownPlanner, match="holds no name, password or query") as found:
        load_planner("openai:tiny@http://me:hunter22@host/v1")
    assert "hunter22" not in str(found.value)
    with pytest.raises(UnknownPlanner, match="holds no name, password or query"):
        load_planner("openai:tiny@http://host/v1?api_key=hunter22")
    with pytest.raises(UnknownPlanner, match="only a server of OpenAI's protocol"):
        load_planner("anthropic:tiny@http://host/v1")
    with pytest.raises(UsageError, match="keys come from the environment alone; got 'api_key'"):
        load_planner("openai:tiny@http://host/v1", api_key="hunter22")


def test_what_stands_around_an_address_is_told():
    with pytest.raises(UnknownPlanner, match=r"^the model's name is missing before the address; expected openai:"):
        load_planner("openai:@http://host/v1")
    for name in ("openai:tiny@http://host/v1?colour=3", "openai:tiny@http://host/v1,http://other/v1?colour=3"):
        with pytest.raises(UnknownPlanner, match="holds no name, password or query; expected") as found:
            load_planner(name)
        assert str(found.value).endswith("/v1, alone or with ?media=once behind it")
    with pytest.raises(UnknownPlanner, match="try: export OPENAI_API_KEY"):
        load_planner("openai:tiny@http://host/v1?api_key=hunter22")


def test_a_provider_without_its_key_or_package(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(PlannerError, match=r"the planner cannot be loaded: .*OPENAI_API_KEY"):
        load_planner("openai:gpt-4o")
    monkeypatch.setitem(sys.modules, "langchain_anthropic", None)
    with pytest.raises(MissingExtra, match="anthropic"):
        load_planner("anthropic:claude")
