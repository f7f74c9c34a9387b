"""Runs made on purpose: gold programs, samples of a planner, forks; all through the real graph, tools and recorder."""

from agentmm.collect.fork import fork
from agentmm.collect.gold import collect_gold
from agentmm.collect.runner import Runner
from agentmm.collect.sampled import collect_sampled

__all__ = ["Runner", "collect_gold", "collect_sampled", "fork"]
