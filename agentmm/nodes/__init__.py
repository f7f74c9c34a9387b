"""What graphs are made of: plan, approve, act, answer, and the routes between them.

Own graphs need four lines of them:

    graph.add_node("plan", plan(planner, tools))
    graph.add_node("act", act(tools))
    graph.add_node("answer", answer())
    graph.add_conditional_edges("plan", route, ["act", "answer"])

Budgets hold wherever `plan` stands, so an edge from `act` back to `plan` never loops for ever.
"""

from agentmm.nodes.act import act
from agentmm.nodes.answer import answer
from agentmm.nodes.approve import approve, needs_approval
from agentmm.nodes.plan import plan
from agentmm.nodes.routes import route, route_with_approval
from agentmm.nodes.running import begin_run, run_config

__all__ = [
    "act",
    "answer",
    "approve",
    "begin_run",
    "needs_approval",
    "plan",
    "route",
    "route_with_approval",
    "run_config",
]
