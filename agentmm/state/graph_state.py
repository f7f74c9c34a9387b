"""The state of every graph here: JSON types, messages and handles, nothing else.

Its annotations are objects, not text: a user's state that builds on it must not read its own `tally` into ours.
"""

from typing import Annotated, Any, NotRequired, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages

from agentmm.media import Record
from agentmm.state.media_reducer import merge_media
from agentmm.state.tally import tally


class Pending(TypedDict):
    """A call that waits to be made: its id, the tool's name and the arguments, media as handles.

    `malformed` says why the planner's words are no call.
    """

    id: str
    tool: str
    arguments: dict[str, Any]
    malformed: NotRequired[str]


class State(TypedDict, total=False):
    """What a run knows. A new question in the same thread resets all but messages and media.

    Attributes:
        messages: the conversation; media stand in it as handles.
        media: handle to record.
        question: the question being answered.
        trace: id of the question's trace.
        settings: budgets and seed (`Settings` as a dict).
        started: seconds since 1970 when the question came; never hashed.
        steps: planner steps of this question.
        calls: tool calls of this question.
        errors: failed calls and malformed steps of this question.
        tokens: tokens that the planner read anew and wrote for this question.
        gated: tools whose calls wait for a person, as named when the question was asked; a resumed run keeps them.
        examples: messages of demonstrations, as dicts; the planner is shown them before the conversation.
        approved: ids of calls a person let pass.
        denied: ids of calls a person refused.
        status: None while running; then answered, partial, unanswerable or failed.
        reason: why it ended, where no answer says so.
        answer: the finished answer (`text`, `status`, `regions`, `media`), None while running.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    media: Annotated[dict[str, Record], merge_media]
    question: str
    trace: str
    settings: dict[str, Any]
    started: float
    steps: Annotated[int, tally]
    calls: Annotated[int, tally]
    errors: Annotated[int, tally]
    tokens: Annotated[int, tally]
    gated: list[str]
    examples: list[dict[str, Any]]
    approved: list[str]
    denied: list[str]
    status: str | None
    reason: str | None
    answer: dict[str, Any] | None
