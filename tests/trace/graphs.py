"""Small graphs that know nothing of agentmm, and one that sends its events."""

import base64
import io
from typing import Annotated, TypedDict

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from PIL import Image


class Messages(TypedDict, total=False):
    messages: Annotated[list, add_messages]


def data_url(colour="red", size=(8, 6)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def call(name, identity, **arguments):
    return {"name": name, "args": arguments, "id": identity, "type": "tool_call"}


class Scripted(BaseChatModel):
    """A chat model that says the next of its messages, counted by the messages it is given."""

    said: list

    @property
    def _llm_type(self):
        return "scripted"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        said = sum(isinstance(message, AIMessage) for message in messages)
        return ChatResult(generations=[ChatGeneration(message=self.said[said].model_copy())])


def foreign(model, tools):
    """An agent as LangGraph's own documents write it: model node, ToolNode, loop."""
    from langgraph.prebuilt import ToolNode

    graph = StateGraph(Messages)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile(name="foreign")


def ours(fail=None):
    """One plan with a call and one answer, told by agentmm's events."""
    start = {
        "question": "How many?",
        "media": {"image_1": {"kind": "image", "sha": "a" * 64, "width": 4, "height": 4}},
        "tools": [{"name": "detect", "version": "1", "signature": "detect(image:Image,what:Text)"}],
        "settings": {"steps": 6},
        "seed": 0,
        "graph": "react",
        "planner": {"name": "nano", "weights": "w1"},
    }
    arguments = {"image": "image_1", "what": "circle"}
    model = Scripted(said=[AIMessage("", tool_calls=[call("detect", "c1", **arguments)]), AIMessage("2")])

    def plan(state):
        if len(state["messages"]) == 1:
            dispatch_custom_event("agentmm.start", start)
        step = len(state["messages"]) // 2
        ids = [{"prompt_ids": [1, 2, 3], "completion_ids": [4, 5]}, {"prompt_ids": [6], "completion_ids": [7, 1]}][step]
        told = {"logp": [-0.1, -0.2], "logp_sampled": [-0.1, -0.2], "forced": [0, 1], "media": [], "counters": {}}
        dispatch_custom_event("agentmm.step", ids | told)
        return {"messages": [model.invoke(state["messages"])]}

    def act(state):
        if fail:
            raise fail
        text = '{"count": 2}'
        result = {
            "call": "c1",
            "tool": "detect",
            "arguments": arguments,
            "observation": text,
            "media": [],
            "seconds": 0.5,
        }
        dispatch_custom_event("agentmm.results", {"results": [result | {"error": None}], "media": {}})
        return {"messages": [ToolMessage(text, tool_call_id="c1")]}

    def answer(state):
        dispatch_custom_event("agentmm.end", {"answer": {"text": "2", "regions": []}, "status": "answered"})
        return {}

    graph = StateGraph(Messages)
    for name, node in {"plan": plan, "act": act, "answer": answer}.items():
        graph.add_node(name, node)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: "act" if state["messages"][-1].tool_calls else "answer")
    graph.add_edge("act", "plan")
    graph.add_edge("answer", END)
    return graph.compile(name="react")


def asked(text="How many?", image=None):
    blocks = [{"type": "image_url", "image_url": {"url": image}}] if image else []
    return {"messages": [HumanMessage([*blocks, {"type": "text", "text": text}])]}
