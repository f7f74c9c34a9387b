"""Google's models, asked through LangChain's package: `google_genai:MODEL`, with `?media=once` and without."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as PILImage

from agentmm.media import Image
from agentmm.planner import load_planner
from agentmm.planner.examination import examine
from agentmm.planner.remote import files
from agentmm.planner.remote.showing import Picture
from agentmm.proof import replay
from tests.remote.conftest import KEY, bytes_under
from tests.remote.filing import Filing
from tests.remote.google import SIGNATURE, parts_of, reply_of

pytest.importorskip("langchain_google_genai")

NAME = "google_genai:gemini-2.5-flash"


@pytest.fixture
def filing(monkeypatch):
    with Filing() as running:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.root)
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        monkeypatch.delenv("GOOGLE_GENAI_USE_VERTEXAI", raising=False)
        yield running


def field(part, name):
    """A field of a part, written in either of the two ways that Google reads."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return part.get(name) or part.get(snake)


def test_a_question_a_picture_and_a_call_travel_as_google_has_them(filing, make, picture, home):
    filing.calls = 1
    agent = make(NAME)
    answer = agent.ask("Which colour, and 6 * 7?", [picture])
    assert (answer.text, answer.status) == ("fine", "answered")
    first, second = (parts_of(body) for body in filing.seen)
    assert first[0]["text"] == "image_1:"
    shown = field(first[1], "inlineData")
    assert field(shown, "mimeType") == "image/png"
    pixels = np.asarray(PILImage.open(io.BytesIO(base64.urlsafe_b64decode(shown["data"]))).convert("RGB"))
    assert np.array_equal(pixels, np.asarray(picture))
    (declared,) = filing.seen[0]["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["parameters"]["required"]) == ("calculate", ["expression"])
    call, result = second[-2:]
    assert field(call, "functionCall")["args"] == {"expression": "6 * 7"}
    assert field(call, "thoughtSignature") == SIGNATURE
    assert field(result, "functionResponse")["name"] == "calculate"
    assert "42" in str(result)
    assert [headers["x-goog-api-key"] for headers in filing.headers] == [KEY] * 2
    trace = agent.traces.get(answer.trace_id)
    assert trace.planner.name == NAME
    assert replay(trace, agent.store).same
    assert filing.uploads == 0
    assert KEY.encode() not in bytes_under(home)


def test_with_once_the_file_is_named_by_its_address_and_the_key_stays_out(filing, make, picture, home):
    agent = make(f"{NAME}?media=once")
    assert agent.ask("Which colour?", [picture]).text == "fine"
    (named,) = (part["fileData"] for part in parts_of(filing.seen[0]) if "fileData" in part)
    assert field(named, "fileUri") == f"{filing.root}/v1beta/files/file-1"
    assert field(named, "mimeType") == "image/png"
    assert not any(field(part, "inlineData") for part in parts_of(filing.seen[0]))
    (begun,) = filing.google.begun
    assert begun["x-goog-upload-header-content-type"] == "image/png"
    assert begun["x-goog-upload-header-content-length"] == str(len(filing.files["file-1"]))
    assert begun["x-goog-api-key"] == KEY
    assert KEY.encode() not in bytes_under(home)
    assert b"/files/" not in bytes_under(home)


def test_a_file_is_waited_for_until_it_is_active(filing, make, picture):
    filing.google.processing = 3
    assert make(f"{NAME}?media=once").ask("Which colour?", [picture]).text == "fine"
    assert (filing.google.looks, len(filing.seen)) == (3, 1)


def test_a_file_without_a_need_to_wait_is_not_looked_at(filing, make, picture):
    filing.google.processing = 0
    assert make(f"{NAME}?media=once").ask("Which colour?", [picture]).text == "fine"
    assert filing.google.looks == 0


def test_where_a_file_fails_it_is_deleted_and_pictures_go_as_data(filing, make, picture):
    filing.google.state = "FAILED"
    agent = make(f"{NAME}?media=once")
    assert [agent.ask("What?", [picture]).text for _ in range(2)] == ["fine"] * 2
    assert (filing.uploads, filing.deleted) == (1, ["file-1"])
    assert all(any(field(part, "inlineData") for part in parts_of(body)) for body in filing.seen)


def test_a_file_that_never_gets_ready_is_waited_for_so_long_and_no_longer(filing, monkeypatch):
    monkeypatch.setattr(files, "UPLOAD_S", 0.3)
    filing.google.processing = 1000
    served = examine(f"{NAME}?media=once")["served"]
    assert not served["once"]
    assert served["travel"] == "the provider takes no uploads: a file of the state PROCESSING, not ACTIVE"
    assert filing.deleted == ["file-1"]


def test_where_there_are_no_files_that_is_said(filing, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    travel = load_planner(f"{NAME}?media=once").travel
    assert travel.examined(Picture("red", Image(np.zeros((2, 2, 3), np.uint8)))) == (
        False,
        "the provider takes no uploads: Vertex AI has no files, Gemini's own service has",
    )


def test_an_error_tells_googles_words_and_no_key(filing, make, home):
    filing.google.refuses = 400, f"API key {KEY} not valid. Please pass a valid API key."
    answer = make(NAME).ask("What?")
    assert answer.status == "failed"
    assert "the server refuses the request, status 400: API key *** not valid." in answer.text
    assert KEY not in answer.text
    assert KEY.encode() not in bytes_under(home)


def test_where_everything_is_forbidden_that_is_said_after_one_more_try_without_files(filing, make, picture):
    filing.google.refuses = 403, "Permission denied."
    agent = make(f"{NAME}?media=once")
    answer = agent.ask("What?", [picture])
    assert answer.status == "failed"
    assert "the server refuses the key, status 403: Permission denied." in answer.text
    assert len(filing.seen) == 2
    agent.close()
    assert filing.deleted == ["file-1"]


def test_an_upload_that_is_refused_is_told_without_the_key(filing, monkeypatch):
    filing.closed = True
    monkeypatch.setenv("GOOGLE_API_KEY", "no files here")  # what the server says, so that it quotes the key
    served = examine(f"{NAME}?media=once")["served"]
    assert served["travel"] == "the provider takes no uploads: ***"


def test_too_many_requests_are_told_as_such(filing, make):
    filing.google.refuses = 429, "Quota exceeded."
    answer = make(load_planner(NAME, max_retries=1)).ask("What?")
    assert answer.status == "failed"
    assert "the server is asked too often, status 429: Quota exceeded." in answer.text


def test_a_reply_that_a_filter_stopped_is_none(filing, make):
    filing.google.reply = reply_of([], ends="SAFETY")
    answer = make(NAME).ask("What?")
    assert answer.status == "failed"
    assert "the server stopped the reply: SAFETY" in answer.text


def test_a_question_that_a_filter_stopped_has_no_answer(filing, make):
    filing.google.reply = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    answer = make(NAME).ask("What?")
    assert answer.status == "failed"
    assert "the server stopped the reply: PROHIBITED_CONTENT" in answer.text


def test_a_call_that_google_could_not_read_is_malformed_and_asked_for_anew(filing, make):
    filing.google.reply = reply_of([], ends="MALFORMED_FUNCTION_CALL")
    agent = make(NAME)
    answer = agent.ask("What is 6 * 7?")
    assert answer.status == "partial"
    assert "max_errors" in answer.reason
    assert "the last call was malformed: the server could not read the call: MALFORMED_FUNCTION_CALL" in answer.reason
    assert len(filing.seen) > 1
    assert len(agent.traces.get(answer.trace_id).steps) == len(filing.seen)


def test_an_answer_that_was_cut_off_is_partial(filing, make):
    filing.google.reply = reply_of([{"text": "fi"}], ends="MAX_TOKENS")
    answer = make(NAME).ask("What?")
    assert (answer.text, answer.status) == ("fi", "partial")


def test_a_key_that_is_missing_is_told_in_one_line(filing, monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    with pytest.raises(Exception, match="GOOGLE_API_KEY"):
        load_planner(NAME)


async def test_in_an_event_loop_likewise(filing, make, picture):
    filing.calls = 1
    planner = load_planner(NAME)
    answer = await make(planner).aask("Which colour, and 6 * 7?", [picture])
    assert (answer.text, len(filing.seen)) == ("fine", 2)
    await planner.model.client.aio.aclose()
