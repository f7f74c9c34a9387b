"""What a server tells of tokens goes into the trace; what it does not tell is never called verified."""

import pytest

from agentmm.planner import load_planner
from agentmm.proof import replay, verify
from tests.remote.server import END, LOGP, Say, render, wrote

CALL = ("calculate", {"expression": "6 * 7"})


def ids_of(text, calls=()):
    return [*wrote(text, calls).encode(), END]


@pytest.mark.parametrize("streaming", [False, True])
def test_ids_and_log_probs_are_recorded_as_a_local_planners_are(server, make, streaming):
    server.script = [Say("", [CALL]), Say("42")]
    agent = make(load_planner(server.name, streaming=streaming))
    answer = agent.ask("What is 6 * 7?")
    assert (answer.text, answer.status) == ("42", "answered")
    trace = agent.traces.get(answer.trace_id)
    first, second = (step.plan for step in trace.steps)
    assert (first.ids, second.ids) == ("all", "all")
    assert first.prompt_ids == render(server.seen[0]["messages"])
    assert first.completion_ids == ids_of("", [("calculate", '{"expression": "6 * 7"}')])
    assert first.prompt_ids + first.completion_ids + second.prompt_ids == render(server.seen[1]["messages"])
    assert second.completion_ids == ids_of("42")
    assert second.logp == [LOGP] * 3
    assert second.logp_sampled is None
    assert second.counters["output_tokens"] == 3
    assert trace.planner.name == trace.planner.weights == server.name


def test_ids_that_nobody_can_render_here_are_not_called_verified(server, make):
    answer = make(server.name).ask("What?")
    agent = make(server.name)
    trace = agent.traces.get(answer.trace_id)
    assert trace.steps[0].plan.has_ids
    report = verify(trace, agent.store)
    assert report.status == "not verifiable"
    assert "renders no token ids here" in report.summary


def test_a_server_without_ids_gives_steps_marked_none(server, make, picture):
    server.script = [Say("red", ids=False, logp=None)]
    agent = make(server.name)
    answer = agent.ask("Which colour?", [picture])
    trace = agent.traces.get(answer.trace_id)
    assert trace.steps[0].plan.ids == trace.model_dump()["steps"][0]["plan"]["ids"] == "none"
    assert trace.steps[0].plan.media == [trace.media["image_1"]["sha"]]
    assert verify(trace, agent.store).status == "not verifiable"
    assert replay(trace, agent.store).same


def test_a_server_that_refuses_unknown_parameters_is_asked_without_them_from_then_on(server, make):
    server.strict, server.script = True, [Say("", [CALL]), Say("", [CALL]), Say("42")]
    agent = make(server.name, seed=5)
    answer = agent.ask("What is 6 * 7?")
    assert answer.text == "42"
    assert [("return_token_ids" in body, body.get("logprobs"), body["seed"]) for body in server.seen] == [
        (True, True, 5),
        (False, True, 5),
        (False, True, 5),
    ]
    assert agent.traces.get(answer.trace_id).steps[0].plan.ids == "none"


def test_a_template_that_forgets_gives_completions_alone(server, make):
    server.forgets_thoughts, server.script = True, [Say("<think>hm</think>", [CALL]), Say("42")]
    agent = make(server.name)
    answer = agent.ask("What is 6 * 7?")
    trace = agent.traces.get(answer.trace_id)
    assert [step.plan.ids for step in trace.steps] == ["all", "completion"]
    assert trace.steps[1].plan.counters["unstable"] == 1
    assert verify(trace, agent.store).status == "not verifiable"
    assert replay(trace, agent.store).same


@pytest.mark.parametrize("logp", [None, 0.5])
def test_log_probs_that_are_none_are_left_out(server, make, logp):
    server.script = [Say("fine", logp=logp)]
    agent = make(server.name)
    plan = agent.traces.get(agent.ask("What?").trace_id).steps[0].plan
    assert (plan.ids, plan.logp) == ("all", None)


def test_a_thread_goes_on_where_the_last_question_ended(server, make):
    agent = make(server.name)
    agent.ask("One?", thread="talk")
    server.script = [Say("two")]
    trace = agent.traces.get(agent.ask("Two?", thread="talk").trace_id)
    whole = render(server.seen[1]["messages"])
    earlier = len(render(server.seen[0]["messages"])) + len(ids_of("fine"))
    assert trace.steps[0].plan.prompt_ids == whole[earlier:]


async def test_async_runs_record_the_same(server, make):
    server.script = [Say("", [CALL]), Say("42")]
    agent = make(server.name)
    answer = await agent.aask("What is 6 * 7?")
    assert [step.plan.ids for step in agent.traces.get(answer.trace_id).steps] == ["all", "all"]
