"""A worker that answers an app's questions: one agent, its planner loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentmm.agent.agent import Agent
from agentmm.agent.answer import Answer
from agentmm.agent.many import told_of
from agentmm.nodes.plan import planner_name
from agentmm.scale.parcel import Parcel


class AskingHost:
    """An agent in a worker.

    Args:
        home: folder of its media, traces and checkpoints, until they are sent.
        settings: arguments of `Agent`, JSON.

    Attributes:
        facts: `planner`, `weights`.
    """

    def __init__(self, home: Path, settings: dict[str, Any]) -> None:
        self.agent = Agent(home=home, **settings)
        planner = self.agent.planner
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
        agent, trace = self.agent, told["trace"]
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

    def close(self) -> None:
        """Close its stores."""
        self.agent.close()
