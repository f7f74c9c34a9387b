import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agentmm.errors import BudgetError, MediaError
from agentmm.state import (
    Settings,
    begin,
    calls_made,
    merge_media,
    pending_calls,
    question_messages,
    tally,
    with_own_ids,
)

PICTURE = {"kind": "image", "sha": "a", "width": 1, "height": 1}


def call(name, identity, **arguments):
    return {"name": name, "args": arguments, "id": identity, "type": "tool_call"}


def test_tally_adds_and_starts_again():
    assert (tally(None, 2), tally(3, 2), tally(3, None), tally(3, 0)) == (2, 5, 0, 3)


def test_media_merge_keeps_order_and_refuses_two_meanings():
    other = {**PICTURE, "sha": "b"}
    assert list(merge_media({"image_1": PICTURE}, {"image_2": other})) == ["image_1", "image_2"]
    assert merge_media({"image_1": PICTURE}, {"image_1": dict(PICTURE)}) == {"image_1": PICTURE}
    with pytest.raises(MediaError, match="one handle stands for two media; got 'image_1'"):
        merge_media({"image_1": PICTURE}, {"image_1": other})


def test_begin_names_media_before_the_question():
    state = begin("How many?", {"image_1": PICTURE, "audio_1": {"kind": "audio", "sha": "c"}}, trace="t")
    assert state["messages"][0].content == [
        {"type": "image", "file_id": "image_1"},
        {"type": "audio", "file_id": "audio_1"},
        {"type": "text", "text": "How many?"},
    ]
    assert (state["trace"], state["steps"], state["answer"]) == ("t", None, None)
    assert state["settings"]["max_steps"] == 8


@pytest.mark.parametrize("wrong", [{"max_steps": 0}, {"timeout": -1}, {"max_tokens": "many"}, {"steps": 3}])
def test_malformed_budgets_are_refused_by_name(wrong):
    with pytest.raises(BudgetError, match=f"budget '{next(iter(wrong))}' is malformed"):
        Settings.of(wrong)


def test_calls_of_this_question_alone():
    early = [
        HumanMessage("a"),
        AIMessage("", tool_calls=[call("t", "call_1")]),
        ToolMessage("{}", tool_call_id="call_1"),
    ]
    asked = [HumanMessage("b"), AIMessage("", tool_calls=[call("u", "call_2", x=1), call("u", "call_3", x=2)])]
    done = ToolMessage(
        '{"v": 1}', tool_call_id="call_3", artifact={"seconds": 0.5, "media": ["image_2"], "error": None}
    )
    messages = [*early, *asked, done]
    assert question_messages(messages) == [*asked, done]
    assert pending_calls({"messages": messages}) == [{"id": "call_2", "tool": "u", "arguments": {"x": 1}}]
    assert calls_made(messages) == [
        {
            "step": 1, "call": "call_3", "tool": "u", "arguments": {"x": 2}, "observation": '{"v": 1}',
            "media": ["image_2"], "seconds": 0.5, "error": None,
        }
    ]  # fmt: skip


def test_repeated_call_ids_are_numbered_anew_and_others_kept():
    before = [HumanMessage("a"), AIMessage("", tool_calls=[call("t", "call_0"), call("t", "x")])]
    again = AIMessage("", tool_calls=[call("t", "call_0"), call("t", "y")])
    assert [made["id"] for made in with_own_ids(again, before).tool_calls] == ["call_3", "call_4"]
    fine = AIMessage("", tool_calls=[call("t", "z")])
    assert with_own_ids(fine, before) is fine
