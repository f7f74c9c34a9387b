"""Planners: LangChain chat models that say which tool to call next, or the answer. Names become planners here."""

from agentmm.planner.default import default_planner
from agentmm.planner.loading import load_planner

__all__ = ["default_planner", "load_planner"]
