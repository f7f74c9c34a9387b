"""A worker that answers an app's questions: one agent, its planner loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentmm.agent.agent import Agent
from agentmm.agent.answer import Answer
from agentmm.agent.building import choose_graph
from agentmm.agent.many import told_of
from agentmm.nodes.plan import planner_name
from agentmm.planner import load_planner
from agentmm.registry import load_tools
from agentmm.scale.homes import MOST_BYTES, Homes
from agentmm.scale.parcel import Parcel


class AskingHost:
    """An agent in a worker.

    Args:
        home: folder of its media, traces and checkpoints. They are sent with each answer and stay until `most_bytes` of
            them have come together.
        settings: arguments of `Agent`, JSON.
        most_bytes: see `Homes`.

    Attributes:
        facts: `planner`, `weights`.
    """

    def __init__(self, home: Path, settings: dict[str, Any], most_bytes: int = MOST_BYTES) -> None:
        given = {**settings, "tools": load_tools(settings["tools"])}
        graph = settings.get("graph", "react")
        choose_graph(graph, given["tools"], ())  # a wrong name is told before the planner is loaded
        self._planner = planner = load_planner(settings["planner"])
        self._homes = Homes(home, lambda folder: Agent(**{**given, "planner": planner, "home": folder}), most_bytes)
        self.facts: dict[str, Any] = {
            "planner": planner_name(planner),
            "weights": getattr(planner, "weights_id", None),
        }

    def run(self, told: dict[str, Any], files: Mapping[str, bytes]) -> Parcel:
        """Answer a question; what `ask` raises is a failed answer.

        Args:
            told: `question`, `records` of its media, `trace` (its id), `timeout`.
            files: the media.
        """
        with self._homes.task() as home:
            home.media_bytes += sum(map(len, files.values()))
            parcel = _asked(home.works, told, files)
            home.media_bytes += sum(map(len, parcel.files.values()))
        return parcel

    def close(self) -> None:
        """Close its stores and the planner."""
        self._homes.close()
        if hasattr(self._planner, "close"):
            self._planner.close()


def _asked(agent: Agent, told: dict[str, Any], files: Mapping[str, bytes]) -> Parcel:
    """What a question came to."""
    trace = told["trace"]
    try:
        for name, data in files.items():
            agent.store.receive(name, data)
        media = [agent.store.get(record) for record in told["records"]]
        answer = agent.ask(told["question"], media, thread=trace, timeout=told["timeout"])
    except Exception as error:
        begun = agent.traces.has(trace)
        answer = Answer(status="failed", reason=told_of(error), trace_id=trace if begun else "")
    sent = {record["sha"] for record in told["records"]}
    return Parcel.of({"answer": answer.model_dump(mode="json")}, trace, agent.traces, agent.store, known=sent)
