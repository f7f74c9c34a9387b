"""What every tool keeps to; a newcomer's file is tested here unasked."""

import contextlib
import json
import re

import numpy as np
import pytest
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agentmm.compose import check_call
from agentmm.errors import AgentmmError, CallError, ToolError
from agentmm.media import Audio, Handles, Image, MediaStore, Video
from agentmm.registry import available, load_tool
from agentmm.tool import Tool, handles_of, record_result, resolve_arguments
from agentmm.tool.params import MEDIA

NAMES = available("tools")
MODALITIES = {*MEDIA, "Text", "Number", "Flag", "Choice"}


@pytest.fixture(params=NAMES)
def tool(request) -> Tool:
    return load_tool(request.param)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A store and handles of a small empty picture, a silent clip, and a region of each."""
    store, handles = MediaStore(tmp_path_factory.mktemp("store")), Handles()
    image = Image(np.full((48, 64, 3), 255, np.uint8))
    audio = Audio(np.zeros(8000, np.float32), 16000)
    for media in (image, audio, image.region((4, 4, 30, 30), text="a thing")):
        handles.keep(media, store)
    return store, handles


def valid(param):
    """A schema-valid value of a parameter."""
    if param.is_media:
        return {"Image": "image_1", "Audio": "audio_1", "Region": "region_1"}.get(param.accepts[0], "image_1")
    if param.choices:
        return param.choices[0]
    return {"Text": "1 + 1", "Number": 1, "Flag": False}[param.modality]


def arguments_of(tool):
    return {name: valid(param) for name, param in tool.params.items()}


def outcome(tool, run):
    """The observation of a call with schema-valid data, or the line of its ToolError."""
    store, handles = run
    ready = check_call(tool, arguments_of(tool), handles.records)
    try:
        result = tool.call(**resolve_arguments(tool, ready, handles.records, store))
    except ToolError as error:
        return str(error)
    return record_result(result.value, Handles(handles.records), store, handles_of(tool, ready)).text


def test_module_and_tool_have_one_name_and_a_docstring(tool):
    module = __import__(f"agentmm.tools.{tool.name}", fromlist=["_"])
    assert getattr(module, tool.name) is tool
    assert module.__doc__
    assert tool.description
    assert len(tool.description) <= 160


def test_schema(tool):
    assert isinstance(tool, Tool)
    assert isinstance(tool, BaseTool)
    function = convert_to_openai_tool(tool)["function"]
    assert function["name"] == tool.name
    assert set(function["parameters"]["properties"]) == set(tool.params)
    json.dumps(function)
    for param in tool.params.values():
        assert set(param.accepts or (param.modality,)) <= MODALITIES
        assert param.description, f"{tool.name}: the docstring says nothing of {param.name}"
    assert set(tool.returns) <= MODALITIES
    assert tool.returns


def test_signature_is_short(tool):
    assert len(re.findall(r"\w+", tool.signature)) <= 15
    assert len(tool.signature) <= 60


def test_tools_that_load_libraries_can_be_ended(tool):
    assert tool.isolation == "thread" or tool.reference is not None
    assert tool.extra is None or tool.isolation == "worker"


def test_empty_media_give_a_result_or_a_tool_error(tool, run):
    text = outcome(tool, run)
    assert "\n" not in text
    assert len(text) < 2000


def test_results_are_equal_when_asked_again(tool, run):
    assert outcome(tool, run) == outcome(tool, run)


def test_results_are_json_and_media(tool, run):
    store, handles = run
    ready = check_call(tool, arguments_of(tool), handles.records)
    try:
        result = tool.call(**resolve_arguments(tool, ready, handles.records, store))
    except ToolError:
        return
    recorded = record_result(result.value, Handles(handles.records), store, handles_of(tool, ready))
    assert json.loads(recorded.text) == recorded.value
    json.dumps(recorded.made)
    json.dumps(result.provenance)
    assert result.provenance["tool"] == tool.name


def test_the_smallest_media_are_borne(tool, run):
    smallest = {"Image": Image(np.zeros((1, 1, 3), np.uint8)), "Audio": Audio(np.zeros(1, np.float32), 8000)}
    smallest["Region"] = smallest["Image"].region((0, 0, 1, 1))
    arguments = {
        name: smallest.get(param.accepts[0], smallest["Image"]) if param.is_media else valid(param)
        for name, param in tool.params.items()
    }
    with contextlib.suppress(ToolError):
        tool.call(**arguments)


def test_a_path_is_never_taken_for_media(tool, run):
    for name, param in tool.params.items():
        if param.is_media:
            for value in ("/etc/passwd", "cat.png", "https://a.b/c.png"):
                with pytest.raises(CallError, match="by path or URL"):
                    check_call(tool, {**arguments_of(tool), name: value}, run[1].records)


def test_only_known_errors_leave_a_tool(tool):
    with pytest.raises(AgentmmError) as caught:
        tool.call(**{name: object() for name in tool.params})
    assert "\n" not in str(caught.value)


def test_video_is_a_modality_of_its_own():
    assert MEDIA["Video"] is Video
