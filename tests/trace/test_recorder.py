import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from agentmm.errors import TraceError
from agentmm.media.store import MediaStore
from agentmm.trace import Recorder, TraceStore
from tests.trace.graphs import Scripted, asked, call, data_url, foreign, ours


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def snap() -> list:
    """Make a picture."""
    return [{"type": "text", "text": "here"}, {"type": "image_url", "image_url": {"url": data_url("blue")}}]


@pytest.fixture
def store(tmp_path):
    store = TraceStore(tmp_path / "traces.db")
    yield store
    store.close()


@pytest.fixture
def media(tmp_path):
    return MediaStore(tmp_path / "media")


def record(graph, inputs, store, media):
    recorder = Recorder(store, media)
    graph.invoke(inputs, {"callbacks": [recorder]})
    return store.get(recorder.trace_ids[-1])


def test_our_events_become_a_trace(store, media):
    trace = record(ours(), asked(), store, media)
    assert (trace.graph, trace.planner.weights, trace.status, trace.answer) == ("react", "w1", "answered", "2")
    assert [step.plan.completion_ids for step in trace.steps] == [[4, 5], [7, 1]]
    assert trace.steps[0].plan.calls[0].tool == "detect"
    assert trace.calls[0].observation == '{"count": 2}'
    assert trace.counters["steps"] == 2
    assert trace.counters["tool_seconds"] == 0.5
    assert trace.detail == {"text": "2", "regions": []}


async def test_invoke_stream_ainvoke_and_batch_give_one_hash(store, media):
    hashes = {record(ours(), asked(), store, media).hash}
    recorder = Recorder(store, media)
    config = {"callbacks": [recorder]}
    list(ours().stream(asked(), config, stream_mode=["updates", "messages", "custom"]))
    await ours().ainvoke(asked(), config)
    ours().batch([asked(), asked()], config)
    await ours().abatch([asked(), asked()], config)
    hashes |= {store.get(trace_id).hash for trace_id in recorder.trace_ids}
    assert len(recorder.trace_ids) == 6
    assert len(hashes) == 1


def test_foreign_graph_is_recorded_unchanged(store, media):
    said = [
        AIMessage("", tool_calls=[call("add", "c1", a=1, b=2), call("fly", "c2", to="moon")]),
        AIMessage("", tool_calls=[call("snap", "c3")]),
        AIMessage("three"),
    ]
    graph = foreign(Scripted(said=said), [add, snap])
    trace = record(graph, asked("What is 1+2?", data_url("red")), store, media)
    assert (trace.graph, trace.question, trace.answer, trace.status) == ("foreign", "What is 1+2?", "three", "answered")
    assert [len(step.plan.calls) for step in trace.steps] == [2, 1, 0]
    known, unknown, picture = trace.calls
    assert (known.observation, known.arguments, known.error) == ("3", {"a": 1, "b": 2}, None)
    assert "fly is not a valid tool" in unknown.error
    assert picture.media == ["image_2"]
    assert picture.observation == "here"
    assert media.get(trace.media["image_1"]).width == 8
    assert trace.steps[0].plan.media == [trace.media["image_1"]["sha"]]
    assert not trace.steps[0].plan.has_ids
    assert "base64" not in str(store.events(trace.id))


async def test_foreign_graph_gives_one_hash_however_it_is_run(store, media):
    said = [AIMessage("", tool_calls=[call("add", "c1", a=1, b=2), call("add", "c2", a=3, b=4)]), AIMessage("done")]
    graph = foreign(Scripted(said=said), [add])
    recorder = Recorder(store, media)
    config = {"callbacks": [recorder]}
    graph.invoke(asked(), config)
    list(graph.stream(asked(), config, stream_mode=["messages", "updates"]))
    await graph.ainvoke(asked(), config)
    graph.batch([asked(), asked()], config)
    traces = [store.get(trace_id) for trace_id in recorder.trace_ids]
    assert len({trace.hash for trace in traces}) == 1
    assert [result.observation for result in traces[0].calls] == ["3", "7"]


def test_node_without_chat_model_is_a_plan(store, media):
    from langgraph.graph import END, START, StateGraph

    from tests.trace.graphs import Messages

    graph = StateGraph(Messages)
    graph.add_node("say", lambda state: {"messages": [AIMessage("hello")]})
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    trace = record(graph.compile(), asked("hi"), store, media)
    assert [step.plan.text for step in trace.steps] == ["hello"]
    assert trace.answer == "hello"


def test_a_failing_run_keeps_its_finished_steps(store, media):
    recorder = Recorder(store, media)
    with pytest.raises(ValueError, match="broken"):
        ours(fail=ValueError("broken")).invoke(asked(), {"callbacks": [recorder]})
    trace = store.get(recorder.trace_ids[0])
    assert (trace.status, trace.error, len(trace.steps)) == ("failed", "ValueError: broken", 1)


def test_an_interrupt_is_a_pause_and_the_resumed_run_goes_on_in_its_trace(store, media):
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command, interrupt

    from tests.trace.graphs import Messages

    graph = StateGraph(Messages)
    graph.add_node("say", lambda state: {"messages": [AIMessage("", tool_calls=[call("add", "c1", a=1, b=2)])]})
    graph.add_node("ask", lambda state: interrupt("may I?") and {})
    graph.add_node("end", lambda state: {"messages": [AIMessage("done")]})
    for edge in ((START, "say"), ("say", "ask"), ("ask", "end"), ("end", END)):
        graph.add_edge(*edge)
    app = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [Recorder(store, media, trace_id="t" * 32)]}
    app.invoke(asked("hi"), config)
    assert store.get("t" * 32).status == "needs_approval"
    config["callbacks"] = [Recorder(store, media, trace_id="t" * 32)]
    app.invoke(Command(resume=True), config)
    trace = store.get("t" * 32)
    assert (trace.question, trace.status, trace.answer, len(trace.steps)) == ("hi", "answered", "done", 2)


def test_a_store_that_cannot_be_written_ends_the_run(store, media, monkeypatch):
    def full(*_):
        raise TraceError("cannot use the trace store", got="database or disk is full")

    recorder = Recorder(store, media)
    monkeypatch.setattr(store, "append", full)
    with pytest.raises(TraceError, match="full"):
        ours().invoke(asked(), {"callbacks": [recorder]})


def test_odd_inline_media_do_not_end_a_foreign_run(store, media):
    graph = foreign(Scripted(said=[AIMessage("no idea")]), [add])
    trace = record(graph, asked("what?", "data:image/png;base64,AAAA"), store, media)
    assert trace.answer == "no idea"
    assert "medium not kept" in trace.question


def test_a_model_around_a_model_is_one_plan(store, media):
    """A wrapper, such as a planner around a foreign chat model, passes on what the inner one said."""
    inner = Scripted(said=[AIMessage("", tool_calls=[call("add", "c1", a=1, b=2)]), AIMessage("three")])

    class Around(Scripted):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            from langchain_core.outputs import ChatGeneration, ChatResult

            said = inner.invoke(messages)
            return ChatResult(generations=[ChatGeneration(message=AIMessage(said.text, tool_calls=said.tool_calls))])

    trace = record(foreign(Around(said=[]), [add]), asked(), store, media)
    assert [len(step.plan.calls) for step in trace.steps] == [1, 0]
    assert trace.answer == "three"
