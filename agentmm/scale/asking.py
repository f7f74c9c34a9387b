"""A worker that answers an app's questions: one agent, its planner loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from agentmm.agent.agent import Agent
from agentmm.agent.answer import Answer
from agentmm.agent.building import choose_graph
from agentmm.agent.demonstration import counted_by, fitting, words
from agentmm.agent.events import Answered
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
        settings: arguments of `Agent`, JSON; with demonstrations `room`, the `k` and the `max_tokens` of a question.
        most_bytes: see `Homes`.

    Attributes:
        facts: `planner`, `weights`; with demonstrations `tools`, their names, and `counts`: whether the planner counts
            tokens by itself, so that a worker must say which runs fit.

    Raises:
        UsageError: no tool or graph of that name, or demonstrations for a planner that takes none.
    """

    def __init__(self, home: Path, settings: dict[str, Any], most_bytes: int = MOST_BYTES) -> None:
        given = {**settings, "tools": load_tools(settings["tools"])}
        self._room = given.pop("room", None)
        graph = settings.get("graph", "react")
        choose_graph(graph, given["tools"], ())  # a wrong name is told before the planner is loaded
        self._planner = planner = load_planner(settings["planner"])
        self._tokens_of = words if self._room is None else counted_by(planner)
        self._homes = Homes(home, lambda folder: Agent(**{**given, "planner": planner, "home": folder}), most_bytes)
        self.facts: dict[str, Any] = {
            "planner": planner_name(planner),
            "weights": getattr(planner, "weights_id", None),
        }
        if self._room is not None:
            names = [tool.name for tool in given["tools"]]
            self.facts |= {"tools": names, "counts": self._tokens_of is not words}

    def run(self, told: dict[str, Any], files: Mapping[str, bytes]) -> Parcel:
        """Answer a question; what `ask` raises is a failed answer. Or say which runs fit before one, as `chosen`.

        Args:
            told: `question`, `records` of its media, `trace` (its id), `timeout`, `examples` before it. With
                `candidates`, conversations of runs, the most similar first, it is not asked yet.
            files: the media.
        """
        if "candidates" in told:
            room = self._room
            return Parcel({"chosen": fitting(told["candidates"], room["k"], room["max_tokens"], self._tokens_of)})
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
        shown = told.get("examples")
        *_, last = agent.stream(told["question"], media, thread=trace, timeout=told["timeout"], examples=shown)
        assert isinstance(last, Answered)
        answer = last.answer
    except Exception as error:
        begun = agent.traces.has(trace)
        answer = Answer(status="failed", reason=told_of(error), trace_id=trace if begun else "")
    sent = {PurePosixPath(name).name.partition(".")[0] for name in files}
    return Parcel.of({"answer": answer.model_dump(mode="json")}, trace, agent.traces, agent.store, known=sent)
