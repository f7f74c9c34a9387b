"""The line that a small planner reads of a tool."""

from __future__ import annotations

from agentmm.media import Image
from agentmm.planner.specs import spec_of
from agentmm.registry import load_tools
from agentmm.tool import tool
from agentmm.tool.told import LONGEST, SIGNATURES, told


@tool
def count_owls(image: Image) -> dict:
    """Counts owls.

    Args:
        image: a picture.
    """
    return {"count": 2}


def test_a_new_tool_is_told_with_what_it_does_and_known_ones_by_their_signature() -> None:
    assert count_owls.told == spec_of(count_owls)["signature"] == "count_owls(image:Image) Counts owls."
    for known in load_tools(["detect", "calculate"]):
        assert known.told == known.signature
        assert known.told in SIGNATURES
    renamed = load_tools(["detect"])[0].model_copy(update={"name": "find"})
    assert renamed.told.startswith("find(image:Image,what:Text) ")


def test_long_descriptions_end_at_a_word_and_none_leaves_the_signature() -> None:
    assert told("f(text:Text)", "") == "f(text:Text)"
    said = told("f(text:Text)", "word " * 40).removeprefix("f(text:Text) ")
    assert said == " ".join(["word"] * ((LONGEST + 1) // 5))
    assert told("f(text:Text)", "ja" * 60) == "f(text:Text) " + "ja" * (LONGEST // 2)
    assert told("f(text:Text)", "One line.\nAnother.") == "f(text:Text) One line."
