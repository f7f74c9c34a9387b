"""Job 2, define: a reasoning graph of one's own, with our nodes and recorder. Run: python examples/own_graph.py."""

from pathlib import Path

from langgraph.graph import END, START, StateGraph

from agentmm.nodes import act, answer, begin_run, plan, route
from agentmm.planner import default_planner, load_planner
from agentmm.registry import load_tools
from agentmm.state import State, calls_made
from agentmm.trace import Recorder, TraceStore


class Counting(State):
    """The state and one entry more."""

    slowest: str


def watch(state: Counting) -> dict:
    return {"slowest": max(calls_made(state["messages"]), key=lambda call: call["seconds"])["tool"]}


tools = load_tools(["detect", "measure_colour", "calculate"])
graph = StateGraph(Counting)
graph.add_node("plan", plan(load_planner(default_planner()), tools))
graph.add_node("act", act(tools))
graph.add_node("watch", watch)
graph.add_node("answer", answer())
graph.add_edge(START, "plan")
graph.add_conditional_edges("plan", route, ["act", "answer"])
graph.add_edge("act", "watch")
graph.add_edge("watch", "plan")
graph.add_edge("answer", END)

if __name__ == "__main__":
    picture = Path(__file__).parent / "media" / "scene.png"
    store = TraceStore()
    run, config = begin_run("How many red circles are there?", [picture], callbacks=[Recorder(store)])
    final = graph.compile(name="watched").invoke(run, config)
    print(final["answer"]["text"], "- slowest tool:", final["slowest"])
    print("trace", run["trace"], "has hash", store.get(run["trace"]).hash)
