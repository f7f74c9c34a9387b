"""Pictures travel in every turn as the protocol has them, tools as JSON schemas."""

import base64
import io

import numpy as np
from PIL import Image as PILImage

from agentmm.planner import load_planner
from tests.remote.server import Say


def pictures_in(message):
    """Pixels of a message's pictures, out of its data URIs."""
    found = []
    for block in message["content"]:
        if block["type"] == "image_url":
            head, _, data = block["image_url"]["url"].partition(",")
            assert head == "data:image/png;base64"
            found.append(np.asarray(PILImage.open(io.BytesIO(base64.b64decode(data))).convert("RGB")))
    return found


def halves():
    """Red on the left, blue on the right."""
    picture = PILImage.new("RGB", (64, 48), (220, 20, 20))
    picture.paste((20, 20, 220), (32, 0, 64, 48))
    return picture


def test_a_picture_and_what_a_tool_made_of_it_are_sent(server, make):
    server.script = [Say("", [("rotate", {"image": "image_1", "degrees": 90})]), Say("blue")]
    agent = make(server.name, tools=("rotate",))
    answer = agent.ask("Which colour is on top when it is turned?", [halves()])
    assert answer.text == "blue"
    first, second = (body["messages"] for body in server.seen)
    assert [message["role"] for message in first] == ["system", "user"]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "tool", "user"]
    assert second[:2] == first
    (given,) = pictures_in(first[1])
    assert np.array_equal(given, np.asarray(halves()))
    assert next(block["text"] for block in first[1]["content"] if block["type"] == "text") == "image_1:"
    (made,) = pictures_in(second[4])
    assert made.shape == (64, 48, 3)
    assert np.array_equal(made, agent.store.get(answer.media["image_2"]).pixels)
    assert isinstance(second[3]["content"], str)
    trace = agent.traces.get(answer.trace_id)
    assert [step.plan.media for step in trace.steps] == [[answer.media[name]["sha"]] for name in ("image_1", "image_2")]


def test_pictures_of_earlier_turns_are_sent_again(server, make):
    agent = make(server.name)
    agent.ask("One?", [halves()], thread="talk")
    answer = agent.ask("Two?", [PILImage.new("RGB", (8, 8), (0, 99, 0))], thread="talk")
    users = [message for message in server.seen[1]["messages"] if message["role"] == "user"]
    assert [[picture.shape for picture in pictures_in(user)] for user in users] == [[(48, 64, 3)], [(8, 8, 3)]]
    assert agent.traces.get(answer.trace_id).steps[0].plan.media == [answer.media["image_2"]["sha"]]


def test_large_pictures_are_made_smaller(server, make):
    make(load_planner(server.name)).ask("What?", [PILImage.new("RGB", (2048, 512))])
    assert [picture.shape for picture in pictures_in(server.seen[0]["messages"][1])] == [(256, 1024, 3)]


def test_tools_travel_as_json_schemas(server, make):
    make(server.name, tools=("crop", "calculate")).ask("What?")
    crop, calculate = (tool["function"] for tool in server.seen[0]["tools"])
    assert (crop["name"], calculate["name"]) == ("crop", "calculate")
    assert calculate["parameters"]["required"] == ["expression"]
    assert calculate["parameters"]["properties"]["expression"]["type"] == "string"
