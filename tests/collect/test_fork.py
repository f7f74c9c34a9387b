from agentmm.agent import Agent
from agentmm.collect import fork
from agentmm.planner import load_planner
from tests.proof.tiny import cut, find, flaky, picture, scripted

FIRST = [("find", {"image": "image_1", "what": "circle"})]


def test_a_fork_repeats_the_first_steps_and_goes_on_otherwise(tmp_path, monkeypatch):
    tools = [find, cut, flaky]
    with Agent(scripted(FIRST, [("cut", {"region": "region_1"})], "2"), tools=tools, home=tmp_path) as agent:
        trace = agent.traces.get(agent.ask("How many?", [picture()]).trace_id)
        assert [step.plan.text for step in trace.steps] == ["", "", "2"]
        calls = []
        original = find.function
        monkeypatch.setattr(find, "function", lambda **given: calls.append(given) or original(**given))
        other = load_planner(scripted(FIRST, [("cut", {"region": "region_2"})], "3"))
        forked = fork(trace, 1, agent.traces, other, tools, seed=5, home=tmp_path)
    assert not calls
    assert (forked.parent, forked.source, forked.seed, forked.answer) == (trace.id, "fork", 5, "3")
    assert forked.steps[0].results[0].observation == trace.steps[0].results[0].observation
    assert forked.steps[1].plan.calls[0].arguments == {"region": "region_2"}
    assert forked.steps[1].results[0].media == ["image_2"]
    assert forked.graph == "react"
