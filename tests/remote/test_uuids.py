"""Pictures go once to a server that keeps them by uuid, and as ever to any other."""

import asyncio
import threading

import pytest
from PIL import Image as PILImage

from agentmm.errors import BadSetting
from agentmm.planner import load_planner
from agentmm.planner.remote import travelling
from agentmm.proof import replay, verify
from tests.remote.conftest import bytes_under
from tests.remote.keeper import MISS, Keeper, pictures_of
from tests.remote.server import Raw, Refuse, Say
from tests.remote.test_pictures import halves

ADD = Say("", [("calculate", {"expression": "6 * 7"})])


@pytest.fixture
def keeper():
    with Keeper() as running:
        yield running


def steps(keeper):
    """Requests without those that only ask what the server does."""
    return [body for body in keeper.seen if body["messages"][0]["role"] == "system"]


def data_in(body):
    """Whether each of a request's pictures has data."""
    return [part["image_url"] is not None for part in pictures_of(body)]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_picture_arrives_once_in_an_episode_of_three_steps(keeper, make, picture, streaming):
    keeper.script = [ADD, ADD, Say("42")]
    agent = make(load_planner(keeper.name, streaming=streaming))
    assert agent.ask("Which colour, and 6 * 7?", [picture]).text == "42"
    assert [data_in(body) for body in steps(keeper)] == [[True], [False], [False]]
    assert len(keeper.arrived) == 1
    first, *others = (pictures_of(body)[0]["uuid"] for body in steps(keeper))
    assert others == [first, first]
    assert len(first) == 32
    assert keeper.listed == 1


def test_what_a_tool_made_is_new_and_arrives_once_too(keeper, make):
    turn = Say("", [("rotate", {"image": "image_1", "degrees": 90})])
    keeper.script = [turn, Say("", [("rotate", {"image": "image_2", "degrees": 90})]), Say("red")]
    agent = make(keeper.name, tools=("rotate",))
    assert agent.ask("Which colour is on top?", [halves()]).text == "red"
    assert [data_in(body) for body in steps(keeper)] == [[True], [False, True], [False, False, True]]
    assert len(set(keeper.arrived)) == len(keeper.arrived) == 3


def test_a_picture_that_a_tool_gives_back_as_it_was_is_not_new(keeper, make, picture):
    keeper.script = [Say("", [("rotate", {"image": "image_1", "degrees": 180})]), Say("red")]
    assert make(keeper.name, tools=("rotate",)).ask("Which colour?", [picture]).text == "red"
    assert [data_in(body) for body in steps(keeper)] == [[True], [False, False]]


@pytest.mark.parametrize("miss", [Refuse(400, MISS), Refuse(422, "gone"), Raw({"error": {"message": MISS}})])
@pytest.mark.parametrize("streaming", [False, True])
def test_a_dropped_picture_is_sent_again_and_costs_no_retry(keeper, make, picture, streaming, miss):
    agent = make(load_planner(keeper.name, streaming=streaming))
    assert agent.ask("One?", [picture]).text == "fine"
    keeper.kept.clear()
    keeper.miss = miss
    answer = agent.ask("Two?", [picture])
    assert (answer.text, answer.status) == ("fine", "answered")
    assert [data_in(body) for body in steps(keeper)] == [[True], [False], [True]]
    agent.ask("Three?", [picture])
    assert data_in(steps(keeper)[-1]) == [False]
    trace = agent.traces.get(answer.trace_id)
    assert [step.plan.media for step in trace.steps] == [[answer.media["image_1"]["sha"]]]


def test_other_servers_get_what_they_ever_got(keeper, server, make, picture):
    for one in (keeper, server):
        one.script = [ADD, Say("42")]
    server.owner = None
    keeper.owner = "somebody"
    bodies = []
    for one, media in ((keeper, "auto"), (server, "auto"), (server, "each")):
        one.script = [ADD, Say("42")]
        one.seen.clear()
        make(load_planner(one.name, media=media)).ask("Which colour, and 6 * 7?", [picture])
        bodies.append([[{**part} for part in pictures_of(body)] for body in one.seen])
    assert bodies[0] == bodies[1] == bodies[2]
    assert [[sorted(part) for part in parts] for parts in bodies[0]] == [[["image_url", "type"]]] * 2
    assert (keeper.listed, server.listed) == (1, 1)


def test_a_server_that_skips_what_it_has_not_gets_data_always(keeper, make, picture):
    keeper.skips = True
    keeper.script = [Say("skipped"), ADD, Say("42")]
    agent = make(keeper.name)
    assert agent.ask("Which colour, and 6 * 7?", [picture]).text == "42"
    assert [data_in(body) for body in keeper.seen] == [[False], [True], [True]]
    assert not any("uuid" in part for body in steps(keeper) for part in pictures_of(body))


@pytest.mark.parametrize("miss", [Refuse(400, "image_url is null"), Refuse(500, "TypeError"), Refuse(404, "no")])
def test_a_server_that_refuses_a_picture_without_data_for_any_other_reason_gets_data(keeper, make, picture, miss):
    keeper.miss = miss
    agent = make(f"{keeper.name}?media=once")
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine", "fine"]
    assert [data_in(body) for body in keeper.seen] == [[False], [True], [True]]
    assert not any("uuid" in part for body in steps(keeper) for part in pictures_of(body))


def test_a_server_that_is_too_busy_to_say_is_asked_again(keeper, make, picture):
    keeper.miss = Refuse(503, "busy")
    agent = make(keeper.name)
    assert agent.ask("What?", [picture]).text == "fine"
    keeper.miss = Refuse(400, MISS)
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine", "fine"]
    assert [data_in(body) for body in keeper.seen] == [[False], [True], [False], [True], [False]]
    assert ["uuid" in pictures_of(body)[0] for body in steps(keeper)] == [False, True, True]


def test_a_server_that_never_says_is_not_asked_for_ever(keeper, make, picture):
    keeper.miss = Refuse(503, "busy")
    agent = make(keeper.name)
    assert [agent.ask("What?", [picture]).text for _ in range(5)] == ["fine"] * 5
    assert len(keeper.seen) - len(steps(keeper)) == keeper.listed == 3


def test_a_server_that_refuses_uuids_is_asked_without(keeper, make, picture):
    keeper.closed = True
    agent = make(keeper.name)
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine", "fine"]
    assert ["uuid" in pictures_of(body)[0] for body in steps(keeper)[-2:]] == [False, False]


def test_a_server_that_keeps_nothing_is_no_longer_trusted_with_it(keeper, make, picture):
    keeper.forgetful = True
    agent = make(keeper.name)
    assert {agent.ask("What?", [picture]).text for _ in range(6)} == {"fine"}
    assert [data_in(body) for body in steps(keeper)] == [[True], *[[False], [True]] * 3, [True], [True]]
    assert "uuid" not in pictures_of(keeper.seen[-1])[0]


def test_what_is_refused_for_another_reason_is_told(keeper, make, picture):
    agent = make(keeper.name)
    agent.ask("One?", [picture])
    keeper.script = [Refuse(400, "too many tokens")]
    answer = agent.ask("Two?", [picture])
    assert answer.status == "failed"
    assert "status 400: too many tokens" in answer.reason
    assert [data_in(body) for body in steps(keeper)] == [[True], [False], [True]]


def test_two_planners_do_not_share(keeper, make, picture):
    for _ in range(2):
        make(keeper.name).ask("What?", [picture])
    assert [data_in(body) for body in steps(keeper)] == [[True], [True]]
    first, second = (pictures_of(body)[0]["uuid"] for body in steps(keeper))
    assert first != second


def test_traces_say_nothing_of_it_and_replay_as_ever(keeper, make, picture, home):
    keeper.script = [ADD, Say("42")]
    agent = make(f"{keeper.name}?media=once")
    trace = agent.traces.get(agent.ask("Which colour?", [picture]).trace_id)
    assert trace.planner.name == keeper.name
    assert replay(trace, agent.store).same
    assert verify(trace, agent.store).status == "not verifiable"
    uuid = pictures_of(steps(keeper)[0])[0]["uuid"]
    agent.close()
    assert uuid.encode() not in bytes_under(home)


def test_a_batch_over_one_picture_sends_it_once(keeper, make, picture):
    keeper.gate = threading.Event()
    threading.Timer(0.3, keeper.gate.set).start()
    agent = make(f"{keeper.name}?media=once")
    answers = agent.batch([("What?", [picture])] * 8, workers=8)
    assert [answer.text for answer in answers] == ["fine"] * 8
    assert len(keeper.arrived) == 1


def test_by_itself_it_keeps_nobody_waiting_for_long(keeper, make, picture):
    keeper.gate, keeper.opens_at = threading.Event(), 2  # the first is answered once the second was sent, too
    planner = load_planner(keeper.name)
    planner.travel.patience_s = 0.05
    answers = make(planner).batch([("What?", [picture])] * 2, workers=2)
    assert [answer.text for answer in answers] == ["fine"] * 2
    assert len(keeper.arrived) == 2


async def test_in_an_event_loop_likewise(keeper, make, picture):
    agent = make(f"{keeper.name}?media=once")
    answers = await asyncio.gather(*(agent.aask("What?", [picture]) for _ in range(8)))
    assert [answer.text for answer in answers] == ["fine"] * 8
    assert len(keeper.arrived) == 1


def test_nobody_waits_for_a_step_that_failed(keeper, make, picture, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_RETRIES", "0")
    keeper.script = [Refuse(503, "busy"), Say("fine")]
    agent = make(f"{keeper.name}?media=once")
    answers = agent.batch([("What?", [picture])] * 3, workers=3)
    assert sorted(answer.status for answer in answers) == ["answered", "answered", "failed"]
    assert [data_in(body) for body in steps(keeper)] == [[True], [True], [False]]


def test_a_pool_names_it_behind_the_last_address(keeper, make, picture):
    with Keeper() as other:
        url = other.name.rpartition("@")[2]
        agent = make(f"{keeper.name},{url}?media=each")
        for _ in range(8):
            agent.ask("What?", [picture])
        assert len(keeper.arrived) + len(other.arrived) == 8
        assert keeper.listed == other.listed == 0


def test_a_way_that_there_is_not():
    with pytest.raises(BadSetting, match=r"expected auto \| once \| each"):
        load_planner("openai:tiny@http://127.0.0.1:9/v1?media=twice")


def test_the_environment_says_it_too(keeper, make, picture, monkeypatch):
    monkeypatch.setenv("AGENTMM_SERVER_MEDIA", "each")
    make(keeper.name).ask("What?", [picture])
    assert (keeper.listed, len(keeper.seen)) == (0, 1)


@pytest.mark.parametrize("told", [b"", b"[]", b"<html>", b'{"data": 3}', b'{"data": [3, {"owned_by": null}]}'])
def test_a_list_of_models_that_is_none(keeper, make, picture, told):
    send = keeper._send
    keeper._send = lambda handler, status, data, *rest, **more: send(
        handler, status, told if handler.command == "GET" else data, *rest, **more
    )
    assert make(keeper.name).ask("What?", [picture]).text == "fine"
    assert [data_in(body) for body in keeper.seen] == [[True]]


def test_pictures_of_one_size_and_two_contents_have_two_names(keeper, make, picture):
    agent = make(keeper.name)
    agent.ask("What?", [picture])
    agent.ask("What?", [PILImage.new("RGB", picture.size, (0, 0, 9))])
    first, second = (pictures_of(body)[0]["uuid"] for body in steps(keeper))
    assert first != second
    assert len(keeper.arrived) == 2


def test_what_was_sent_long_ago_is_sent_again(keeper, make, picture, monkeypatch):
    monkeypatch.setattr(travelling, "MOST_KEPT", 1)
    agent = make(keeper.name)
    for shown in (picture, halves(), picture, picture):
        agent.ask("What?", [shown])
    assert [data_in(body) for body in steps(keeper)] == [[True], [True], [True], [False]]


def test_a_batch_goes_on_where_the_server_dropped_all_and_that_counts_once(keeper, make, picture):
    agent = make(f"{keeper.name}?media=once")
    agent.ask("What?", [picture])
    keeper.kept.clear()
    answers = agent.batch([("What?", [picture])] * 8, workers=8)
    assert [answer.text for answer in answers] == ["fine"] * 8
    agent.ask("What?", [picture])
    assert data_in(steps(keeper)[-1]) == [False]


def test_a_request_under_way_is_sent_again_though_others_have_given_it_up(keeper, make, picture):
    planner = load_planner(keeper.name)
    agent = make(planner)
    agent.ask("What?", [picture])
    keeper.kept.clear()
    keeper.on_miss = lambda: planner.travel.stop("a test")
    assert agent.ask("What?", [picture]).text == "fine"
    assert [data_in(body) for body in steps(keeper)] == [[True], [False], [True]]
