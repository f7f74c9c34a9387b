"""`agentmm doctor --planner` asks a server what it does; the command line tells no key, however much it logs."""

import json

import pytest

from agentmm.cli import run
from tests.remote.conftest import KEY
from tests.remote.keeper import Keeper, pictures_of
from tests.remote.server import Refuse, Say
from tests.remote.test_failures import free_port

ADD = Say("", [("add", {"a": 2, "b": 3})])


@pytest.fixture
def agentmm(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTMM_HOME", str(tmp_path / "home"))

    def call(*words):
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_server_that_does_it_all(server, agentmm):
    server.script = [ADD, Say("red")]
    code, out, err = agentmm("doctor", "--planner", server.name)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"planner   {server.name}: ServerChat, weights unknown"
    assert out.splitlines()[1].startswith("answers   yes, in ")
    assert out.splitlines()[2:] == [
        "tools     called",
        "pictures  taken",
        "travel    with each request: the server does not say that it is vLLM",
        "ids       yes: steps are recorded token by token",
        "logp      yes",
    ]
    assert server.seen[1]["messages"][1]["content"][0]["type"] == "image_url"


def test_a_server_that_does_little(server, agentmm):
    server.script = [Say("5", ids=False, logp=None), Refuse(400, "no pictures please")]
    code, out, _ = agentmm("doctor", "--planner", server.name, "--json")
    served = json.loads(out)["served"]
    assert code == 0
    assert [served[name] for name in ("answers", "tools", "pictures", "ids", "logp")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert "status 400: no pictures please" in served["why"]
    server.script = [Say("5", ids=False, logp=None), Refuse(400, "no pictures please")]
    assert "ids       none: steps are marked `ids: none`" in agentmm("doctor", "--planner", server.name)[1]


def test_a_server_that_is_down(agentmm, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    code, out, err = agentmm("doctor", "--planner", f"openai:tiny@http://127.0.0.1:{free_port()}/v1")
    assert (code, out) == (1, "")
    assert err.startswith("error: the server cannot be reached, or broke off: ConnectError")
    assert err.count("\n") == 1
    assert "doctor" not in err
    assert "try: the address http://127.0.0.1:" in err
    assert err.endswith("/v1, the model's name tiny and the key in OPENAI_API_KEY\n")


def test_a_server_whose_tool_parser_is_off(server, agentmm):
    server.script = [Say('<tool_call>{"name": "add", "arguments": {"a": 2, "b": 3}}</tool_call>'), Say("red")]
    code, out, _ = agentmm("doctor", "--planner", server.name)
    assert code == 0
    assert "tools     calls come as text (the server's tool parser is off); they are read" in out.splitlines()


def test_a_setting_that_is_no_number(server, agentmm, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_AT_ONCE", "few")
    code, out, err = agentmm("ask", "What?", "--planner", server.name)
    assert (code, out) == (2, "")
    assert err.startswith("error: AGENTMM_SERVER_AT_ONCE is malformed; got 'few'; expected a whole number above 0")


def test_a_run_that_logs_everything_tells_no_key(server, agentmm):
    server.script = [Refuse(401, "bad key {authorization}", {"x-request-id": "{authorization}"})]
    code, out, err = agentmm("ask", "What?", "-vv", "--planner", server.name, "--tools", "calculate")
    assert code == 1
    assert KEY not in out + err
    assert "receive_response_headers" in err
    assert "Bearer ***" in err


def test_a_server_that_keeps_pictures(agentmm):
    with Keeper() as keeper:
        code, out, err = agentmm("doctor", "--planner", keeper.name)
        assert (code, err) == (0, "")
        assert "travel    once: the server keeps them by uuid" in out.splitlines()
        assert [[part["image_url"] is None for part in pictures_of(body)] for body in keeper.seen] == [
            [],
            [False],
            [True],
            [False],
            [True],
        ]


def test_a_server_that_would_skip_pictures(agentmm):
    with Keeper() as keeper:
        keeper.skips = True
        _, out, _ = agentmm("doctor", "--planner", f"{keeper.name}?media=once")
        assert "travel    with each request: the server skips a picture that it has not" in out.splitlines()
        assert keeper.listed == 0
        agentmm("doctor", "--planner", f"{keeper.name}?media=each")
        assert keeper.listed == 0
