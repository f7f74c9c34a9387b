import json

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from PIL import Image as PILImage
from pydantic import Field

from agentmm.errors import PlannerError, UnknownPlanner
from agentmm.media import Image, MediaStore
from agentmm.planner import load_planner
from agentmm.planner.exerciser import ExerciserPlanner, fitting_call
from agentmm.planner.scripted import ScriptedPlanner, history_of
from agentmm.registry import load_tools
from agentmm.world.program import Call


def program():
    (seen,) = yield [Call("calculate", {"expression": "1+1"})]
    (again,) = yield [Call("calculate", {"expression": f"{seen['value']}+1"})]
    return f"{again['value']}"


def result(call, value):
    return ToolMessage(json.dumps({"value": value}), tool_call_id=call)


def test_a_thought_is_said_beside_the_calls_of_its_step():
    def thoughtful():
        yield [
            Call("calculate", {"expression": "1+1"}, "[region_1] 1 [region_2] 1"),
            Call("calculate", {"expression": "2"}),
        ]
        return "2"

    message = ScriptedPlanner(thoughtful).invoke([HumanMessage("q")])
    assert (message.text, len(message.tool_calls)) == ("[region_1] 1 [region_2] 1", 2)


def test_a_program_is_carried_out_over_the_history():
    planner = ScriptedPlanner(program)
    question = HumanMessage("q")
    first = planner.invoke([question])
    assert [(call["name"], call["args"], call["id"]) for call in first.tool_calls] == [
        ("calculate", {"expression": "1+1"}, "call_1")
    ]
    second = planner.invoke([question, first, result("call_1", 2)])
    assert second.tool_calls[0]["args"] == {"expression": "2+1"}
    assert second.tool_calls[0]["id"] == "call_2"
    last = planner.invoke([question, first, result("call_1", 2), second, result("call_2", 3)])
    assert (last.text, last.tool_calls) == ("3", [])


def test_a_new_question_begins_the_program_again_with_new_ids():
    planner = ScriptedPlanner(program)
    first = planner.invoke([HumanMessage("q")])
    said = planner.invoke([HumanMessage("q"), first, result("call_1", 2), HumanMessage("again")])
    assert said.tool_calls[0]["args"] == {"expression": "1+1"}
    assert said.tool_calls[0]["id"] == "call_2"


def test_history_is_in_the_order_of_the_calls():
    calls = [{"name": "a", "args": {}, "id": name, "type": "tool_call"} for name in ("x", "y")]
    messages = [HumanMessage("q"), AIMessage("", tool_calls=calls), result("y", 2), result("x", 1)]
    assert history_of(messages) == [[{"value": 1}, {"value": 2}]]


def test_programs_by_question():
    planner = ScriptedPlanner(programs={"a": program})
    assert planner.invoke([HumanMessage("a")]).tool_calls
    with pytest.raises(PlannerError, match="no program for this question"):
        planner.invoke([HumanMessage("b")])


def test_without_a_program_the_wordings_of_the_practice_world_are_understood():
    picture = {"type": "image", "file_id": "image_3"}
    asked = HumanMessage([picture, {"type": "text", "text": "How many red circles are there?"}])
    said = ScriptedPlanner().invoke([asked])
    assert [(call["name"], call["args"]["image"]) for call in said.tool_calls] == [("detect", "image_3")]
    later = ScriptedPlanner().invoke([asked, AIMessage("3"), HumanMessage("How many blue stars are there?")])
    assert later.tool_calls[0]["args"]["image"] == "image_3"
    plain = ScriptedPlanner().invoke([HumanMessage("What is 12 * 7.5?")])
    assert plain.tool_calls[0]["name"] == "calculate"


def test_the_exerciser_calls_each_tool_once_with_valid_data():
    record = {"kind": "image", "sha": "0", "width": 4, "height": 4, "of": None, "chain": []}
    tools = load_tools(["measure_colour", "zoom", "calculate", "transcribe"])
    planner = ExerciserPlanner().bind_tools(tools)
    said = planner.invoke([HumanMessage("q")], media={"image_1": record})
    assert {call["name"] for call in said.tool_calls} == {"measure_colour", "zoom", "calculate"}
    assert said.tool_calls[0]["args"] == {"image": "image_1"}
    after = [HumanMessage("q"), said]
    assert planner.invoke(after, media={"image_1": record}).text == "called 3 tools"


def test_a_call_that_lacks_media_is_not_possible():
    spec = {"name": "t", "params": [{"name": "a", "accepts": ["Audio"], "choices": [], "required": True}]}
    assert fitting_call(spec, {}) is None


def test_names_of_planners():
    assert isinstance(load_planner("exerciser"), ExerciserPlanner)
    with pytest.raises(PlannerError, match="no planner of that name; got 'wat'; expected nano"):
        load_planner("wat")
    with pytest.raises(PlannerError, match="not a planner"):
        load_planner(7)
    with pytest.raises(UnknownPlanner, match="address is malformed"):
        load_planner("openai:model@nowhere")
    with pytest.raises(UnknownPlanner, match="no planner of that name"):
        load_planner("nobody:model")


def test_a_function_is_a_planner():
    planner = load_planner(lambda messages, tools, media: "yes" if len(messages) > 2 else [Call("calculate", {})])
    said = planner.bind_tools([]).invoke([HumanMessage("q")], media={})
    assert said.tool_calls[0]["name"] == "calculate"
    assert planner.invoke([HumanMessage("q"), said, result("call_1", 1)]).text == "yes"


class Foreign(BaseChatModel):
    seen: list = Field(default_factory=list)

    @property
    def _llm_type(self):
        return "foreign"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=tools)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.seen.append((messages, kwargs))
        return ChatResult(generations=[ChatGeneration(message=AIMessage("fine"))])


def test_a_foreign_chat_model_sees_pictures_and_schemas(tmp_path):
    store = MediaStore(tmp_path)
    records = {f"image_{k}": store.add(Image.from_pil(PILImage.new("RGB", (8, 4), (k, 0, 0)))) for k in (1, 2)}
    foreign = Foreign()
    planner = load_planner(foreign).bind_tools(load_tools(["calculate"]))
    call = {"name": "zoom", "args": {}, "id": "call_1", "type": "tool_call"}
    messages = [
        HumanMessage([{"type": "image", "file_id": "image_1"}, {"type": "text", "text": "q"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage([{"type": "text", "text": "{}"}, {"type": "image", "file_id": "image_2"}], tool_call_id="call_1"),
    ]
    config = {"configurable": {"agentmm_store": str(tmp_path)}}
    node = RunnableLambda(lambda said: planner.invoke(said, media=records, seed=0))
    assert node.invoke(messages, config).text == "fine"
    shown, kwargs = foreign.seen[0]
    assert [message.type for message in shown] == ["system", "human", "ai", "tool", "human"]
    assert [block["type"] for block in shown[1].content] == ["text", "image", "text"]
    assert shown[3].content == "{}"
    assert shown[4].content[1]["mime_type"] == "image/png"
    assert kwargs["tools"][0]["function"]["name"] == "calculate"
