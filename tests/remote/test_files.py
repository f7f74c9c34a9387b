"""Pictures are uploaded once to a provider that has file ids, where that is asked for, and deleted at the end."""

import asyncio
import threading

import numpy as np
import pytest

from agentmm.media import Image
from agentmm.planner import load_planner
from agentmm.planner.examination import examine
from agentmm.planner.remote.files import ByFile, Provider, by_file
from agentmm.planner.remote.showing import Picture
from agentmm.proof import replay
from tests.remote.conftest import KEY, bytes_under
from tests.remote.filing import Filing, named_in

NAMES = ["openai:gpt-4o", "anthropic:claude", "google_genai:gemini-2.5-flash"]


@pytest.fixture
def filing(monkeypatch):
    with Filing() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{running.root}/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.root)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.root)
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        yield running


@pytest.fixture(params=NAMES)
def name(request):
    package = {"anthropic": "langchain_anthropic", "google_genai": "langchain_google_genai"}
    if request.param.partition(":")[0] in package:
        pytest.importorskip(package[request.param.partition(":")[0]])
    return request.param


def test_a_picture_is_uploaded_once_in_an_episode_of_three_steps(filing, name, make, picture, home):
    filing.calls = 2
    agent = make(f"{name}?media=once")
    answer = agent.ask("Which colour, and 6 * 7?", [picture])
    assert (answer.text, answer.status) == ("fine", "answered")
    assert [named_in(body) for body in filing.seen] == [["file-1"]] * 3
    assert filing.uploads == 1
    assert b"\x89PNG" in filing.files["file-1"]
    assert str(home).encode() not in filing.files["file-1"]
    trace = agent.traces.get(answer.trace_id)
    assert trace.planner.name == name
    assert replay(trace, agent.store).same
    agent.close()
    assert (filing.deleted, filing.files) == (["file-1"], {})
    assert b"file-1" not in bytes_under(home)


def test_nothing_is_uploaded_unasked(filing, name, make, picture):
    agent = make(name)
    assert agent.ask("Which colour?", [picture]).text == "fine"
    assert (filing.uploads, named_in(filing.seen[0])) == (0, [])


def test_a_file_that_is_gone_is_uploaded_again(filing, name, make, picture):
    agent = make(f"{name}?media=once")
    agent.ask("One?", [picture])
    filing.files.clear()
    answer = agent.ask("Two?", [picture])
    assert (answer.text, answer.status) == ("fine", "answered")
    assert [named_in(body) for body in filing.seen] == [["file-1"], ["file-1"], ["file-2"]]


def test_where_no_uploads_are_taken_pictures_go_as_data(filing, name, make, picture):
    filing.closed = True
    agent = make(f"{name}?media=once")
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine"] * 2
    assert [named_in(body) for body in filing.seen] == [[], []]


def test_where_files_are_refused_pictures_go_as_data(filing, name, make, picture):
    filing.blind = True
    agent = make(f"{name}?media=once")
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine"] * 2
    assert [named_in(body) for body in filing.seen] == [["file-1"], [], []]
    agent.close()
    assert filing.deleted == ["file-1"]


def test_a_batch_over_one_picture_uploads_it_once(filing, name, make, picture):
    agent = make(f"{name}?media=once")
    answers = agent.batch([("What?", [picture])] * 6, workers=6)
    assert [answer.text for answer in answers] == ["fine"] * 6
    assert filing.uploads == 1


async def test_in_an_event_loop_likewise(filing, name, make, picture):
    planner = load_planner(name, media="once")
    agent = make(planner)
    answers = await asyncio.gather(*(agent.aask("What?", [picture]) for _ in range(6)))
    assert [answer.text for answer in answers] == ["fine"] * 6
    assert filing.uploads == 1
    await asyncio.to_thread(planner.close)
    assert filing.deleted == ["file-1"]
    if name.startswith("google_genai"):
        await planner.model.client.aio.aclose()  # it holds connections of this loop


def test_two_planners_do_not_share_files(filing, name, make, picture):
    for _ in range(2):
        make(f"{name}?media=once").ask("What?", [picture])
    assert [named_in(body) for body in filing.seen] == [["file-1"], ["file-2"]]


def test_a_planner_that_was_made_by_hand_is_closed_by_hand(filing, name, make, picture):
    planner = load_planner(name, media="once")
    agent = make(planner)
    agent.ask("What?", [picture])
    agent.close()
    assert filing.deleted == []
    planner.close()
    assert filing.deleted == ["file-1"]


def test_doctor_says_which_way_is_used(filing, name):
    once = examine(f"{name}?media=once")["served"]
    assert (once["once"], once["travel"]) == (True, "uploaded once, deleted at the end")
    assert filing.deleted == ["file-1"]
    filing.closed = True
    refused = examine(f"{name}?media=once")["served"]
    assert not refused["once"]
    assert refused["travel"].startswith("the provider takes no uploads: ")
    assert "no files here" in refused["travel"]


def test_doctor_names_the_setting_where_it_would_help(filing):
    served = examine("openai:gpt-4o")["served"]
    assert (served["once"], served["travel"]) == (False, "?media=once behind the name uploads them once, as files")


def test_a_provider_without_file_ids_gets_data(filing):
    travel = by_file("groq", None, once=True)
    assert travel.examined(Picture("red", Image(np.zeros((2, 2, 3), np.uint8)))) == (
        False,
        "no file ids of groq are known here",
    )


def test_files_are_told_to_expire_where_they_can_be(filing, make, picture):
    make("openai:gpt-4o?media=once").ask("What?", [picture])
    assert b"86400" in filing.files["file-1"]


def test_a_beta_of_the_users_own_stays(filing, make, picture):
    pytest.importorskip("langchain_anthropic")
    make(load_planner("anthropic:claude", media="once", betas=["mine"])).ask("What?", [picture])
    assert {"mine", "files-api-2025-04-14"} <= set(filing.headers[0]["anthropic-beta"].split(","))


class Slow:
    """A provider whose uploads take until `go` is set; `began` is set with the first."""

    def __init__(self):
        self.began, self.go, self.uploads = threading.Event(), threading.Event(), []
        self.travel = ByFile(Provider(self._upload, lambda chat, file_id: None, lambda file_id: file_id), None)

    def _upload(self, chat, png):
        self.began.set()
        assert self.go.wait(60)
        self.uploads.append(png)
        return f"file-{len(self.uploads)}"

    def given_up(self, *pictures):
        """A step that was cancelled in the middle of its first upload, which goes on in a thread."""
        step = self.travel.journey(pictures)
        assert not step.waits()
        thread = threading.Thread(target=step.prepare)
        thread.start()
        assert self.began.wait(60)
        step.__exit__(asyncio.CancelledError)
        return thread


def square(shade):
    return Picture(str(shade), Image(np.full((2, 2, 3), shade, np.uint8)))


def test_an_upload_whose_step_was_given_up_serves_the_next_one():
    slow = Slow()
    thread = slow.given_up(square(1))
    with slow.travel.journey([square(1)]) as step:
        assert step.waits()
        slow.go.set()
        thread.join()
        assert not step.waits()
        step.prepare()
        assert step.block(square(1)) == "file-1"
    assert len(slow.uploads) == 1


def test_what_a_step_that_was_given_up_had_not_begun_is_left_to_others():
    slow = Slow()
    thread = slow.given_up(square(1), square(2))
    with slow.travel.journey([square(2)]) as second, slow.travel.journey([square(2)]) as third:
        assert not second.waits()
        slow.go.set()
        thread.join()
        assert third.waits()
        second.prepare()
        assert not third.waits()
        assert second.block(square(2)) == third.block(square(2)) == "file-2"
    assert len(slow.uploads) == 2
