"""The suite `examples`: the same questions after none, one and two demonstrations."""

from __future__ import annotations

from typing import Any, ClassVar

from agentmm.eval.by_example import evaluate_examples
from agentmm.planner.function import FunctionPlanner
from agentmm.world.families import FAMILIES
from agentmm.world.families.untrained import FAMILIES as UNTRAINED


class Counting(FunctionPlanner):
    """Answers nothing right and notes how many demonstrations it was shown."""

    takes_examples: ClassVar[bool] = True


def test_each_question_is_asked_after_0_1_and_2_demonstrations() -> None:
    asked: list[tuple[str, int]] = []

    def answer(messages: Any, tools: Any, media: Any) -> str:
        users = [message for message in messages if message.type == "human"]
        asked.append((users[-1].text, len(users) - 1))
        return "nothing"

    ticks: list[int] = []
    report = evaluate_examples(Counting(function=answer), 2, 1, tick=lambda: ticks.append(1))
    assert len(ticks) == 18
    assert {shown: column["accuracy"] for shown, column in report["shown"].items()} == {"0": 0.0, "1": 0.0, "2": 0.0}
    texts = [[text for text, count in asked if count == shown] for shown in (0, 1, 2)]
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) == 6


def test_the_families_are_known_and_in_no_training() -> None:
    for family in UNTRAINED:
        assert FAMILIES[family.name] is family
        assert family.weight == 0
