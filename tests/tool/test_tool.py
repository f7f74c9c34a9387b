"""What a tool is: read once from its function."""

import pickle
from typing import Any, Literal

import numpy as np
import pytest
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agentmm.errors import ConfigError, MissingExtra, ToolCrash, ToolError
from agentmm.media import Audio, Image, MediaStore, Region
from agentmm.tool import make_tool, run_tool, tool
from tests.tool import sample_tools


@tool(cost=0.5, version="7")
def look(image: Image, what: str = "", times: int = 1, sure: bool = False, *, model: str = "small") -> dict[str, Any]:
    """Look at a picture,
    closely.

    More that no planner needs.

    Args:
        image: a picture.
        what: the thing
            that is looked for.
        model: which weights.
    """
    return {"what": what, "times": times, "model": model}


def test_signature_and_parameters():
    assert look.signature == "look(image:Image,what:Text,times:Number,sure:Flag)"
    assert look.description == "Look at a picture, closely."
    assert [param.modality for param in look.params.values()] == ["Image", "Text", "Number", "Flag"]
    assert look.params["what"].description == "the thing that is looked for."
    assert look.params["image"].required
    assert not look.params["times"].required
    assert list(look.settings) == ["model"]
    assert (look.version, look.cost, look.isolation) == ("7", 0.5, "worker")


def test_schema_is_one_of_langchain_and_openai():
    assert isinstance(look, BaseTool)
    assert look.response_format == "content_and_artifact"
    function = convert_to_openai_tool(look)["function"]
    assert function["name"] == "look"
    assert function["description"] == "Look at a picture, closely."
    properties = function["parameters"]["properties"]
    assert list(properties) == ["image", "what", "times", "sure"]
    assert [properties[name]["type"] for name in properties] == ["string", "string", "integer", "boolean"]
    assert properties["times"]["default"] == 1
    assert function["parameters"]["required"] == ["image"]


def test_choices_unions_and_optional_arguments():
    @tool
    def mix(medium: Image | Audio, way: Literal["a", "b"], size: int | float, note: str | None = None) -> list[Region]:
        """Mix."""
        return []

    assert mix.signature == "mix(medium:Image|Audio,way:a|b,size:Number,note:Text)"
    assert mix.args_schema["properties"]["way"]["enum"] == ["a", "b"]
    assert mix.returns == ("Region",)
    assert mix.isolation == "thread", "a function inside a function cannot be found by another process"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(x):\n 'Doc.'", "argument 'x' of tool 'f' has no annotation"),
        ("def f(x: bytes):\n 'Doc.'", "argument 'x' of tool 'f' has a type that no planner can give"),
        ("def f(*x: str):\n 'Doc.'", "argument 'x' of tool 'f' has no fixed type"),
        ("def f(x: int = 'a'):\n 'Doc.'", "argument 'x' of tool 'f' has a default of another type"),
        ("def f(x: str, *, y: int):\n 'Doc.'", "setting 'y' of tool 'f' needs a default"),
        ("def f(x: 'Nothing'):\n 'Doc.'", "an annotation of tool 'f' cannot be read: name 'Nothing' is not defined"),
        ("def f(x: str):\n pass", "tool 'f' has no docstring"),
        ("async def f(x: str):\n 'Doc.'", "tool 'f' is async"),
    ],
)
def test_construction_names_the_argument(source, words, tmp_path):
    from agentmm.tool.reference import load_file

    path = tmp_path / "made.py"
    path.write_text(source + "\n")
    with pytest.raises(ConfigError) as caught:
        make_tool(load_file(path, "made_for_a_test").f)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_the_apps_own():
    other = look.with_options(model="large")
    image = Image(np.zeros((4, 4, 3), np.uint8))
    assert other.call(image=image).value["model"] == "large"
    assert look.call(image=image).value["model"] == "small"
    assert other.provenance == {"tool": "look", "version": "7", "settings": {"model": "large"}}
    with pytest.raises(ConfigError, match="no such setting"):
        look.with_options(modle="x")


def test_errors_of_a_call_in_this_thread():
    with pytest.raises(ToolError, match=r"^sorry$"):
        sample_tools.fail.call(how="tool")
    with pytest.raises(MissingExtra, match=r"agentmm\[ocr\]"):
        sample_tools.fail.call(how="extra")
    with pytest.raises(ToolCrash, match="ValueError: bad luck"):
        sample_tools.fail.call(how="value")
    with pytest.raises(ToolError, match="no JSON"):
        sample_tools.fail.call(how="odd")
    with pytest.raises(ToolError, match="returned too much; got '100000"):
        sample_tools.fail.call(how="large")
    with pytest.raises(ToolError, match="too deeply"):
        sample_tools.fail.call(how="deep")


def test_call_from_a_langchain_agent(tmp_path):
    store = MediaStore(tmp_path)
    records = {"image_1": store.add(Image(np.full((10, 20, 3), 9, np.uint8)))}
    config = {"configurable": {"agentmm_store": str(tmp_path), "agentmm_media": records}}
    call = {"type": "tool_call", "name": "halves", "args": {"image": "image_1"}, "id": "a"}
    message = sample_tools.halves.invoke(call, config)
    assert message.content == '{"count": 2, "found": ["region_1 left half", "region_2"], "mirror": "image_2"}'
    assert list(message.artifact["media"]) == ["region_1", "region_2", "image_2"]
    assert records["region_2"]["local_box"] == [10, 0, 20, 10]
    again = sample_tools.halves.invoke({**call, "args": {"image": "region_1"}}, config)
    assert '"mirror": "image_3"' in again.content
    wrong = sample_tools.halves.invoke({**call, "args": {"image": "cat.png"}}, config)
    assert wrong.content.startswith('{"error": "argument \'image\' of halves names media by path or URL')


async def test_call_from_an_asynchronous_agent():
    call = {"type": "tool_call", "name": "shout", "args": {"text": "a"}, "id": "a"}
    message = await sample_tools.shout.ainvoke(call, {"configurable": {}})
    assert '"text": "aaa!"' in message.content


def test_a_tool_without_a_time_limit_runs_here():
    assert run_tool(sample_tools.hoard, {"megabytes": 1}).value == {"bytes": 2**20}


def test_tools_can_be_copied_between_processes():
    param = pickle.loads(pickle.dumps(sample_tools.shout.params))["text"]
    assert param.type_name == "Text"
