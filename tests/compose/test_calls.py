"""Calls and plans are checked before anything runs."""

import json
from typing import Literal

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agentmm.compose import PlannedCall, check_call, check_plan
from agentmm.errors import CallError
from agentmm.media import Audio, Handles, Image, MediaStore
from agentmm.nodes import act
from agentmm.nodes.running import run_config
from agentmm.registry import load_tools
from agentmm.tool import resolve_arguments, run_tool, tool
from tests.nodes.conftest import Heard

RAN = []


@tool(isolation="thread")
def paint(
    image: Image, colour: Literal["red", "blue"], width: int, note: str = "", thick: bool = False
) -> dict[str, Image]:
    """Paint."""
    RAN.append("paint")
    return {"image": image}


@tool(isolation="thread")
def listen(audio: Audio, speed: float = 1.0) -> dict[str, str]:
    """Listen."""
    RAN.append("listen")
    return {"text": ""}


@tool(isolation="thread")
def facts(medium: Image | Audio) -> dict[str, str]:
    """Facts."""
    RAN.append("facts")
    return {}


TOOLS = [paint, listen, facts, *load_tools(["crop", "calculate"])]


@pytest.fixture
def acted(run, tmp_path):
    """What the act node makes of one call of a planner: its entry in the trace; `RAN` says which tools ran."""

    def call(name, arguments):
        RAN.clear()
        heard = Heard()
        config = run_config("t", tmp_path, callbacks=[heard.handler()], agentmm_store=str(run[0].root))
        state = {"messages": [HumanMessage("q"), said(name, arguments)], "media": run[1], "trace": "t", "steps": 1}
        act(TOOLS).invoke(state, config)
        (report,) = heard.named("agentmm.results")
        (result,) = report["results"]
        return result

    return call


def said(name, arguments):
    """A planner's message; what is no call by its form stands where LangChain puts such calls."""
    if isinstance(name, str) and isinstance(arguments, dict):
        return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": "call_1"}])
    told = {"name": name if name is None else str(name), "args": json.dumps(arguments), "id": "call_1", "error": None}
    return AIMessage("", invalid_tool_calls=[{**told, "type": "invalid_tool_call"}])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A store and the records of a run with a picture, a clip, a box and a span."""
    store = MediaStore(tmp_path_factory.mktemp("store"))
    handles = Handles()
    image, audio = Image(np.full((20, 30, 3), 7, np.uint8)), Audio(np.zeros(800, np.float32), 8000)
    handles.keep(image, store)
    handles.keep(audio, store)
    handles.keep(image.region((1, 2, 11, 12)), store)
    return store, handles.records


GOOD = [
    ("paint", {"image": "image_1", "colour": "red", "width": 3}),
    ("paint", {"image": "region_1", "colour": "blue", "width": 2.0, "note": "x", "thick": True}),
    ("listen", {"audio": "audio_1", "speed": 2}),
    ("facts", {"medium": "image_1"}),
    ("facts", {"medium": "audio_1"}),
    ("crop", {"region": "region_1"}),
    ("calculate", {"expression": "1+1"}),
]


@pytest.mark.parametrize(("name", "arguments"), GOOD)
def test_good_calls_pass_and_run(name, arguments, run):
    store, records = run
    ready = check_call(name, arguments, records, TOOLS)
    chosen = next(one for one in TOOLS if one.name == name)
    assert run_tool(chosen, resolve_arguments(chosen, ready, records, store)).seconds >= 0


@pytest.mark.parametrize(("name", "arguments"), GOOD)
def test_good_calls_run_in_the_act_node(name, arguments, acted):
    """So an empty `RAN` means that nothing ran."""
    result = acted(name, arguments)
    recorded = [name] if name in {"paint", "listen", "facts"} else []
    assert (result["tool"], result["error"], RAN) == (name, None, recorded)


def test_whole_numbers_become_int_and_regions_become_their_crop(run):
    store, records = run
    ready = check_call("paint", {"image": "region_1", "colour": "red", "width": 2.0}, records, TOOLS)
    assert type(ready["width"]) is int
    assert resolve_arguments(paint, ready, records, store)["image"].width == 10


WRONG_VALUES = [None, 7, 1.5, True, [], {}, "", "zzz", ["image_1"], float("nan"), "/etc/passwd", "http://a.b/c.png"]
WRONG_HANDLES = [
    "image_2",
    "imge_1",
    "cat.jpg",
    "C:\\cat",
    "../image_1",
    "file:///x",
    "data:image/png;base64,AA",
    "~/a",
]


def mutations():
    """Calls with one thing wrong, named by what the message must name."""
    for value in (*WRONG_VALUES, *WRONG_HANDLES, "audio_1"):
        yield "paint", {"image": value, "colour": "red", "width": 3}, "'image'"
    for value in (*WRONG_HANDLES, "image_1", "region_1", None):
        yield "listen", {"audio": value}, "'audio'"
    for value in ("green", "Red", 1, None, ["red"]):
        yield "paint", {"image": "image_1", "colour": value, "width": 3}, "'colour'"
    for value in ("3", 2.5, True, None, float("inf"), [3]):
        yield "paint", {"image": "image_1", "colour": "red", "width": value}, "'width'"
    for value in (1, None, ["a"], "x" * 20_001):
        yield "paint", {"image": "image_1", "colour": "red", "width": 3, "note": value}, "'note'"
    for value in (0, "true", None):
        yield "paint", {"image": "image_1", "colour": "red", "width": 3, "thick": value}, "'thick'"
    yield "paint", {"colour": "red", "width": 3}, "'image'"
    yield "paint", {"image": "image_1", "color": "red", "width": 3}, "'color'"
    yield "paint", {"image": "image_1", "colour": "red", "width": 3, "path": "/tmp"}, "'path'"
    yield "crop", {"region": "image_1"}, "'region'"
    for arguments in (None, [], "image_1", 3):
        yield "facts", arguments, "facts"
    for name in ("pant", "", None, 3, "os.system", "Paint"):
        yield name, {}, "no such tool"


MUTATIONS = list(mutations())


def test_there_are_more_than_fifty_mutations():
    assert len(MUTATIONS) > 50


@pytest.mark.parametrize(("name", "arguments", "named"), MUTATIONS)
def test_no_ill_typed_call_runs(name, arguments, named, run, acted):
    with pytest.raises(CallError) as caught:
        check_call(name, arguments, run[1], TOOLS)
    message = str(caught.value)
    assert named in message
    assert "\n" not in message
    assert len(message) < 500
    result = acted(name, arguments)
    assert (RAN, result["media"], result["seconds"]) == ([], [], 0.0)
    well_formed = isinstance(name, str) and isinstance(arguments, dict)
    assert result["error"] == (message if well_formed else "a malformed call: arguments are no JSON object")
    assert json.loads(result["observation"]) == {"error": result["error"]}


@pytest.mark.parametrize(
    ("name", "arguments", "repair"),
    [
        ("pant", {}, "try: paint"),
        ("paint", {"image": "image_1", "color": "red", "width": 3}, "try: colour"),
        ("facts", {"medium": "imge_1"}, "try: image_1"),
        ("paint", {"image": "image_1", "colour": "rd", "width": 3}, "try: red"),
        ("listen", {"audio": "image_1"}, "expected Audio: audio_1; try: audio_1"),
        ("paint", {"image": "/tmp/a.png", "colour": "red", "width": 3}, "expected Image: image_1, region_1"),
    ],
)
def test_messages_name_a_repair(name, arguments, repair, run):
    with pytest.raises(CallError) as caught:
        check_call(name, arguments, run[1], TOOLS)
    assert str(caught.value).endswith(repair)


def test_calls_survive_json(run):
    assert check_call("facts", json.loads('{"medium": "image_1"}'), run[1], TOOLS) == {"medium": "image_1"}


def test_a_plan_is_ordered_into_levels(run):
    plan = [
        PlannedCall("d", "facts", {"medium": "$b.image"}, after=("c",)),
        PlannedCall("a", "crop", {"region": "region_1"}),
        PlannedCall("b", "paint", {"image": "$a", "colour": "red", "width": 1}),
        PlannedCall("c", "listen", {"audio": "audio_1"}),
    ]
    assert check_plan(plan, TOOLS, run[1]) == [["a", "c"], ["b"], ["d"]]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            [PlannedCall("a", "calculate", {"expression": "1"}), PlannedCall("b", "facts", {"medium": "$a"})],
            r"the edge a -> b\.medium is ill-typed; got 'calculate returns Number, Flag'",
        ),
        ([PlannedCall("a", "crop", {"region": "$b"}), PlannedCall("b", "facts", {"medium": "$a"})], "in a circle"),
        ([PlannedCall("a", "crop", {"region": "$x"})], "needs a call that is not in the plan; got 'x'"),
        ([PlannedCall("a", "listen", {"audio": "audio_1"})] * 2, "one id; got 'a'"),
        ([PlannedCall("a", "lisen", {})], "no such tool; got 'lisen'"),
        ([PlannedCall("a", "listen", {"audio": "audio_9"})], "names no existing media"),
        (
            [PlannedCall("a", "crop", {"region": "region_1"}), PlannedCall("b", "facts", {"media": "$a"})],
            "no argument 'media'",
        ),
    ],
)
def test_ill_typed_plans(plan, words, run):
    with pytest.raises(CallError, match=words):
        check_plan(plan, TOOLS, run[1])
