"""Several servers as one planner: a run stays with its server, and goes to the next where that is down."""

import pytest

from agentmm.cli import run
from agentmm.errors import UnknownPlanner
from agentmm.planner import load_planner
from agentmm.planner.examination import examine
from agentmm.planner.remote import Pool
from agentmm.planner.remote.failures import Unusable, failure_of
from tests.remote.conftest import KEY, bytes_under
from tests.remote.server import Raw, Refuse, Say, Server
from tests.remote.test_failures import free_port

CALL = ("calculate", {"expression": "6 * 7"})


@pytest.fixture
def servers(server):
    with Server() as other:
        for one in (server, other):
            one.script = [Say("42")]
        yield server, other


def named(*servers):
    """The name of the planner on all of them."""
    first, *rest = (one.name for one in servers)
    return ",".join([first, *(name.rpartition("@")[2] for name in rest)])


def test_runs_are_shared_and_each_stays_with_its_server(servers, make):
    agent = make(named(*servers))
    assert isinstance(agent.planner, Pool)
    for one in servers:
        one.script = [Say("", [CALL]), Say("42")] * 20
    answers = [agent.ask("What is 6 * 7?") for _ in range(20)]
    assert [(answer.text, answer.status) for answer in answers] == [("42", "answered")] * 20
    asked = [len(one.seen) for one in servers]
    assert sum(asked) == 40
    assert min(asked) >= 2
    assert all(count % 2 == 0 for count in asked)  # two steps a run, both with one server
    assert agent.traces.get(answers[0].trace_id).planner.name == named(*servers)


def test_a_server_that_is_down_is_left_aside(servers, make, home, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    down = f"http://127.0.0.1:{free_port()}/v1"
    agent = make(f"{servers[0].name},{down}")
    assert {agent.ask("What?").text for _ in range(8)} == {"42"}
    assert len(servers[0].seen) == 8
    agent.close()
    assert KEY.encode() not in bytes_under(home)


def test_a_server_that_falls_silent_in_the_middle_is_left_aside(servers, make, monkeypatch):
    monkeypatch.setattr("agentmm.planner.remote.pool.ASIDE_S", 3600.0)  # for longer than any machine needs here
    servers[0].script = [Say("42", stall_s=60)]
    agent = make(load_planner(named(*servers), streaming=True, gap=0.5, max_retries=0))
    assert {agent.ask("What?").text for _ in range(8)} == {"42"}
    assert len(servers[0].seen) <= 1


def test_a_server_that_breaks_off_in_the_middle_is_left_aside(servers, make):
    servers[0].script = [Say("42", cut=1)]
    agent = make(load_planner(named(*servers), streaming=True, max_retries=0))
    assert {agent.ask("What?").text for _ in range(8)} == {"42"}
    assert len(servers[0].seen) <= 1


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "bad",
    [
        Say("late", wait_s=60),
        Say("late", mute_s=60),
        Refuse(401, "who?"),
        Refuse(307, "there"),
        Raw(b"<html>", "text/html"),
    ],
    ids=["silent", "mute", "key", "elsewhere", "page"],
)
def test_a_server_that_cannot_be_used_is_left_aside(servers, make, monkeypatch, bad, streaming):
    if isinstance(bad, Say) and bad.mute_s and not streaming:
        bad = Raw({"choices": []}, stall_s=60)
    monkeypatch.setattr("agentmm.planner.remote.pool.ASIDE_S", 3600.0)
    servers[0].script = [bad]
    agent = make(load_planner(named(*servers), streaming=streaming, timeout=2.0, max_retries=0))
    assert {agent.ask("What?").text for _ in range(6)} == {"42"}
    assert len(servers[0].seen) <= 1


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_server_that_fails_is_left_aside_after_its_own_tries(servers, make, status, asynchronous):
    import asyncio

    servers[0].script = [Refuse(status, "no", {"retry-after": "0.05"})]
    agent = make(load_planner(named(*servers), max_retries=1))
    for _ in range(8):
        answer = asyncio.run(_asked(agent)) if asynchronous else agent.ask("What?")
        assert answer.text == "42"
    assert len(servers[0].seen) in (0, 2)  # by the traces' ids; once in 256 times no run begins with it


@pytest.mark.parametrize("status", [429, 500])
def test_where_all_fail_one_line_says_how(servers, make, status):
    for one in servers:
        one.script = [Refuse(status, "no")]
    answer = make(load_planner(named(*servers), max_retries=0)).ask("What?")
    assert answer.status == "failed"
    assert f"status {status}: no" in answer.reason
    assert [len(one.seen) for one in servers] == [1, 1]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_request_that_is_wrong_itself_is_asked_of_no_other(servers, make, status):
    for one in servers:
        one.script = [Refuse(status, "no")]
    assert f"status {status}: no" in make(named(*servers)).ask("What?").reason
    assert sorted(len(one.seen) > 0 for one in servers) == [False, True]


def test_where_all_are_down_one_line_says_so(make, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    urls = ",".join(f"http://127.0.0.1:{free_port()}/v1" for _ in range(2))
    answer = make(f"openai:tiny@{urls}").ask("What?")
    assert answer.status == "failed"
    assert answer.reason.startswith("the server cannot be reached, or broke off")


def test_a_key_that_all_refuse_is_told(servers, make):
    for one in servers:
        one.script = [Refuse(401, "who are you?")]
    answer = make(named(*servers)).ask("What?")
    assert answer.reason.startswith("the server refuses the key")
    assert [len(one.seen) for one in servers] == [1, 1]


async def _asked(agent):
    return await agent.aask("What?")


def test_in_an_event_loop(servers, make):
    import asyncio

    assert asyncio.run(_asked(make(named(*servers)))).text == "42"


def test_the_same_server_twice_is_refused(server):
    with pytest.raises(UnknownPlanner, match="twice"):
        load_planner(named(server, server))


def test_an_address_in_the_middle_that_is_none(server):
    with pytest.raises(UnknownPlanner, match="malformed"):
        load_planner(f"{server.name},http://")


def test_doctor_asks_each(servers):
    servers[0].script = [Say("", [("add", {"a": 2, "b": 3})]), Say("red")]
    servers[1].script = [Say("5", ids=False, logp=None), Say("red")]
    report = examine(named(*servers))
    assert report["served"]["answers"]
    assert report["served"]["pictures"]
    assert not report["served"]["tools"]
    assert not report["served"]["ids"]
    assert [len(one.seen) for one in servers] == [2, 2]


def test_doctor_tells_of_each_server(servers, capsys, monkeypatch):
    servers[0].script = [Refuse(401, "who are you?")]
    servers[1].script = [Say("", [("add", {"a": 2, "b": 3})]), Say("red")]
    assert run(["doctor", "--planner", named(*servers)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("server ")]
    assert lines[0].startswith(
        f"server    {servers[0].url}: left aside: the server refuses the key, status 401: who are"
    )
    assert lines[1:] == [f"server    {servers[1].url}: works"]
    servers[1].script = [Refuse(503, "loading")]
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    assert run(["doctor", "--planner", named(*servers)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: none of the 2 servers can be used: the server refuses the key, status 401: who are")
    assert said.count("\n") == 1
    assert all(one.url in said for one in servers)
    assert "status 503: loading" in said


def test_a_server_that_takes_no_connection_in_time_is_passed_over():
    class ConnectTimeout(Exception):
        """As httpx calls it."""

    class APITimeoutError(Exception):
        """As the client wraps it."""

    wrapped = APITimeoutError("Request timed out.")
    wrapped.__cause__ = ConnectTimeout("timed out")
    assert isinstance(failure_of(wrapped, "openai:tiny@http://far/v1", []), Unusable)
    assert isinstance(failure_of(APITimeoutError("silent"), "openai:tiny@http://far/v1", []), Unusable)
