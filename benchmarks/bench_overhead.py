"""What a step costs beside model and tools: our graph against bare LangGraph with the same fake model and tool.

All make the same calls, one a step, and answer. Bare LangGraph keeps its checkpoints in SQLite, as ours does, or in
memory, where a killed run is lost. Ours also checks each call, numbers media, and writes journal and trace.
Milliseconds a step (one plan and one call).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool as langchain_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from agentmm import Agent
from agentmm.tool import tool

STEPS, ROUNDS = 8, 15


@tool(pure=True)
def doubled(value: int) -> int:
    """Twice a number."""
    return 2 * value


@langchain_tool
def bare_doubled(value: int) -> int:
    """Twice a number."""
    return 2 * value


def said(turns: int, name: str) -> AIMessage:
    """What the fake model says after so many turns of its own."""
    if turns == STEPS:
        return AIMessage("done")
    return AIMessage(
        "", tool_calls=[{"name": name, "args": {"value": turns}, "id": f"call_{turns}", "type": "tool_call"}]
    )


def turns_of(messages: list) -> int:
    """How often the model has spoken."""
    return sum(isinstance(message, AIMessage) for message in messages)


def bare(saver: Any) -> Any:
    """The loop of a model and its tools in LangGraph alone."""
    graph = StateGraph(MessagesState)
    graph.add_node("plan", lambda state: {"messages": [said(turns_of(state["messages"]), "bare_doubled")]})
    graph.add_node("act", ToolNode([bare_doubled]))
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: "act" if state["messages"][-1].tool_calls else END)
    graph.add_edge("act", "plan")
    return graph.compile(checkpointer=saver)


def seconds_of(ask: Callable[[], Any]) -> float:
    """Seconds a step."""
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) / STEPS


def main() -> None:
    """Take turns; print medians."""
    with tempfile.TemporaryDirectory() as home, SqliteSaver.from_conn_string(f"{home}/bare.db") as saver:
        agent = Agent(
            planner=lambda messages, tools, media: said(turns_of(messages), "doubled"), tools=[doubled],
            home=Path(home) / "ours", max_steps=STEPS + 2, max_calls=STEPS + 2,
        )  # fmt: skip
        graphs = {"bare LangGraph, checkpoints in memory": bare(InMemorySaver()), "bare LangGraph, SQLite": bare(saver)}
        answer = agent.ask("go")
        assert (answer.text, len(answer.steps)) == ("done", STEPS), answer
        times: dict[str, list[float]] = {name: [] for name in (*graphs, "agentmm, SQLite and trace")}
        for number in range(ROUNDS):
            config = {"configurable": {"thread_id": str(number)}, "recursion_limit": 100}
            for name, graph in graphs.items():
                asked = partial(graph.invoke, {"messages": [("user", "go")]}, config, durability="sync")
                times[name].append(seconds_of(asked))
            times["agentmm, SQLite and trace"].append(seconds_of(partial(agent.ask, "go")))
        agent.close()
    for name, found in times.items():
        sys.stdout.write(f"{name:38} {1000 * statistics.median(found):6.2f} ms a step\n")


if __name__ == "__main__":
    main()
