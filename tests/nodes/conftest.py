import pytest
from langgraph.graph import END, START, StateGraph
from PIL import Image as PILImage

from agentmm.nodes import act, answer, begin_run, plan, route
from agentmm.planner.scripted import ScriptedPlanner
from agentmm.state import Settings, State


class Heard(list):
    """Names and data of the custom events of a run."""

    def handler(self):
        from langchain_core.callbacks import BaseCallbackHandler

        heard = self

        class Handler(BaseCallbackHandler):
            run_inline = True

            def on_custom_event(self, name, data, **kwargs):
                heard.append((name, data))

        return Handler()

    def named(self, name):
        return [data for found, data in self if found == name]


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def loop(tmp_path, heard):
    """Runs a program through plan, act and answer; gives the final state."""

    def run(program, tools, media=(), config=None, **settings):
        graph = StateGraph(State)
        graph.add_node("plan", plan(ScriptedPlanner(program), tools))
        graph.add_node("act", act(tools))
        graph.add_node("answer", answer())
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", route, ["act", "answer"])
        graph.add_edge("act", "plan")
        graph.add_edge("answer", END)
        state, own = begin_run("q", media, home=tmp_path, callbacks=[heard.handler()], settings=Settings.of(settings))
        own["configurable"].update(config or {})
        return graph.compile().invoke({**state, "trace": "t"}, own)

    return run


@pytest.fixture
def picture():
    return PILImage.new("RGB", (20, 10), (200, 10, 10))
