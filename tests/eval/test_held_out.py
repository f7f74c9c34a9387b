"""The suite of held-out tools counts right calls where a tool is offered, and honest answers where it is not."""

from __future__ import annotations

import re
from typing import Any

import agentmm.world.invented as invented
from agentmm.eval.held_out import ASKED, evaluate_tools
from agentmm.world.program import Call

ARGUMENTS = {"image": "image_1", "audio": "audio_1", "text": "chair", "amount": 37}


def knowing(messages: Any, tools: Any, media: Any) -> Any:
    """Calls the tool that the question is about, if it is there."""
    if messages[-1].type == "tool":
        return "done"
    question = messages[-1].text.strip()
    name = next(name for name, (_, questions) in ASKED.items() if question in questions)
    found = next((tool for tool in tools if tool.name == name), None)
    if found is None:
        return "unanswerable: no tool for that"
    return [Call(name, {argument: ARGUMENTS[argument] for argument in found.params})]


def test_a_planner_that_reads_signatures_gets_all() -> None:
    report = evaluate_tools(knowing)
    assert (report["right_call"]["share"], report["says_so"]["share"]) == (1.0, 1.0)
    assert report["right_call"]["n"] == report["says_so"]["n"] == 32
    assert {row["tool"] for row in report["questions"]} == set(ASKED)


def test_a_planner_that_always_gives_up_calls_nothing_right() -> None:
    report = evaluate_tools(lambda *given: "unanswerable: I do not know")
    assert (report["right_call"]["share"], report["says_so"]["share"]) == (0.0, 1.0)


def test_no_training_names_a_held_out_tool_or_its_noun() -> None:
    nouns = {word for names in (invented.COUNTED, invented.MEASURED, invented.NAMED, invented.HEARD, invented.TURNED,
             invented.CONVERTED) for word in names}  # fmt: skip
    for name, (_, questions) in ASKED.items():
        held = {part for part in name.split("_") if part in " ".join(questions).lower()}
        assert not {word for word in held if len(word) > 3} & nouns
    rng = invented.np.random.default_rng(0)
    made = {invented.invent(rng).name for _ in range(20_000)}
    assert not made & set(ASKED)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in made)
