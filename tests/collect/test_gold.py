import pytest

from agentmm.collect import Runner, collect_gold, collect_sampled
from agentmm.collect.gold import world_score
from agentmm.collect.processes import Progress, shares
from agentmm.collect.runner import is_right
from agentmm.errors import ToolError
from agentmm.tool import tool
from agentmm.tool.faults import Faults, emptied
from agentmm.trace import TraceStore
from agentmm.world.sample import sample_questions

PLAIN = ("calculation", "comparison")


def questions(count=6, **options):
    return list(sample_questions("train", count, 4, families=PLAIN, **options))


@pytest.fixture
def gold(tmp_path):
    """Six gold runs of arithmetic, in this process."""
    out = tmp_path / "gold.db"
    made = collect_gold(questions(), out, tools=["calculate"], home=tmp_path, workers=1, quiet=True)
    assert made == 6
    store = TraceStore(out)
    yield store
    store.close()


def test_gold_runs_go_through_graph_tools_and_recorder(gold):
    traces = list(gold.traces(source="gold"))
    assert len(traces) == 6
    for trace in traces:
        assert (trace.graph, trace.planner.name, trace.source) == ("react", "scripted", "gold")
        assert trace.tools[0].signature == "calculate(expression:Text)"
        assert trace.calls[0].tool == "calculate"
        assert trace.labels["question"]["family"] in PLAIN
        assert trace.labels["outcome"] == "right"


def test_what_is_there_is_not_made_again(gold, tmp_path):
    out = tmp_path / "gold.db"
    assert collect_gold(questions(6), out, tools=["calculate"], home=tmp_path, workers=1, quiet=True) == 0
    assert collect_gold(questions(8), out, tools=["calculate"], home=tmp_path, workers=1, quiet=True) == 2
    assert len(gold) == 8


def test_parts_of_a_killed_collection_are_taken_over(tmp_path):
    """A process writes beside the store; if it dies, the next collection begins with what it left."""
    part = TraceStore(tmp_path / "gold.part0.db", batch=8)
    from agentmm.registry import load_tools

    Runner(part, load_tools(["calculate"]), home=tmp_path).run(questions(1)[0], source="gold")
    part.close()
    assert (
        collect_gold(questions(2), tmp_path / "gold.db", tools=["calculate"], home=tmp_path, workers=1, quiet=True) == 1
    )
    assert not list(tmp_path.glob("*.part*"))
    store = TraceStore(tmp_path / "gold.db")
    assert len(store) == 2
    store.close()


def test_several_processes_sample_what_one_would(tmp_path):
    path = tmp_path / "planner.py"
    path.write_text("def lost(messages, tools, media):\n    return 'unanswerable: lost'\n")
    made = {}
    for workers in (1, 2):
        out = tmp_path / f"sampled_{workers}.db"
        options = {"samples": 2, "tools": ["calculate"], "home": tmp_path, "quiet": True, "workers": workers}
        assert collect_sampled(questions(5), out, f"{path}:lost", **options) == 10
        assert collect_sampled(questions(5), out, f"{path}:lost", **options) == 0
        store = TraceStore(out)
        said = store.labelled("sample").values()
        made[workers] = sorted((store_said["id"], store_said["seed"]) for store_said in said)
        assert {trace.answer for trace in store} == {"unanswerable: lost"}
        store.close()
    assert made[1] == made[2]
    assert not list(tmp_path.glob("*.part*"))


def test_questions_of_one_picture_stay_together():
    many = list(sample_questions("train", 40, 1, families=["count_shape", "exist"]))
    dealt = shares(many, 3, question=lambda asked: asked)
    assert sum(map(len, dealt)) == 40
    pictures = [{question.media for question in share} for share in dealt]
    assert not pictures[0] & pictures[1]
    assert not pictures[1] & pictures[2]


def test_samples_are_runs_with_other_seeds(tmp_path):
    out = tmp_path / "sampled.db"

    def planner(messages, tools, media):
        return "7"

    options = {"samples": 2, "tools": ["calculate"], "home": tmp_path, "quiet": True}
    assert collect_sampled(questions(2), out, planner, **options) == 4
    assert collect_sampled(questions(3), out, planner, **options) == 2
    store = TraceStore(out)
    assert sorted(trace.seed for trace in store.traces(source="sampled")) == [0, 0, 0, 1, 1, 1]
    assert {trace.labels["outcome"] for trace in store} <= {"right", "wrong"}
    store.close()


@tool
def count(what: str) -> dict:
    """Count things."""
    return {"count": 3, "found": ["a", "b", "c"], "labels": {"x": 3}, "sure": True, "text": "hm"}


def test_faults_hit_the_first_calls_of_their_tool_and_then_stop():
    faults = Faults()
    (broken,) = faults.wrap([count])
    faults.plan({"tool": "count", "kind": "error", "times": 2}, salt=1)
    for _ in range(2):
        with pytest.raises(ToolError, match="count failed: the result was lost"):
            broken.call(what="x")
    assert broken.call(what="x").value["count"] == 3
    faults.plan(None)
    assert broken.call(what="x").value["count"] == 3
    assert (broken.name, broken.signature, broken.version) == (count.name, count.signature, count.version)


def test_an_empty_result_is_what_nothing_looks_like():
    faults = Faults()
    (broken,) = faults.wrap([count])
    faults.plan({"tool": "count", "kind": "empty", "times": 1})
    assert broken.call(what="x").value == {"count": 0, "found": [], "labels": {"x": 0}, "sure": True, "text": ""}
    assert emptied({"count": 2, "found": [1, 2]}) == {"count": 0, "found": []}


def test_a_run_with_a_fault_retries_or_says_why_not(tmp_path):
    from dataclasses import replace

    from agentmm.registry import load_tools

    store = TraceStore(tmp_path / "t.db")
    runner = Runner(store, load_tools(["calculate"]), home=tmp_path, score=world_score)
    question = questions(1)[0]
    once = replace(question, fault={"tool": "calculate", "kind": "error", "times": 1})
    twice = replace(question, fault={"tool": "calculate", "kind": "error", "times": 2})
    first, second = (store.get(runner.run(each, source="gold").id) for each in (once, twice))
    store.close()
    assert [bool(call.error) for call in first.calls] == [True, False]
    assert (first.status, first.labels["outcome"]) == ("answered", "right")
    assert [bool(call.error) for call in second.calls] == [True, True]
    assert (second.status, second.labels["outcome"]) == ("unanswerable", "right")
    assert is_right(twice, "unanswerable: calculate failed", lambda *_: False)
    assert not is_right(once, "unanswerable: calculate failed", lambda *_: False)


def test_progress_is_a_plain_line_on_stderr(capsys):
    progress = Progress(2)
    progress.step()
    progress.end()
    assert "1/2 runs" in capsys.readouterr().err
